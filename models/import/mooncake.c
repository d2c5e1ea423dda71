/*
 * Mooncake traces: JSON lines such as {"timestamp": 27482, "input_length": 6955, "output_length": 52,
 * "hash_ids": [46, 47]}; a request a line, times in ms from the trace's own zero, and one id for every 512
 * tokens of the prompt, the same for the same text up to there. Ids of a last block that is not full are
 * left out, since only full blocks are found again. Other keys are passed over, where their value is not a
 * list or an object. A request without tokens cannot be served and is left out.
 */
#include "io/import.h"

#include "base/mem.h"
#include "base/num.h"

#include <stdlib.h>
#include <string.h>

struct mooncake {
    struct request_list *requests;
    struct import_report *report;
    struct {
        uint64_t *at;
        size_t len, cap;
    } ids; /* of the line at hand */
};

/* One line, from the next byte on. */
struct line {
    const char *begin, *at;
    const char *wrong; /* what was expected where `at` stands; NULL: all is well */
};

static void skip_blanks(struct line *l) { l->at += strspn(l->at, " \t\r"); }

static bool fail(struct line *l, const char *expected) {
    if (!l->wrong) l->wrong = expected;
    return false;
}

static bool take(struct line *l, char c) {
    skip_blanks(l);
    return *l->at == c && l->at++;
}

/* A text without escapes in it, or with ones that need not be understood. */
static bool take_text(struct line *l, const char **text, size_t *len) {
    if (!take(l, '"')) return fail(l, "a text in quotes");
    *text = l->at;
    while (*l->at && *l->at != '"') l->at += *l->at == '\\' && l->at[1] ? 2 : 1;
    *len = (size_t)(l->at - *text);
    return take(l, '"') || fail(l, "the text's closing quote");
}

static bool take_number(struct line *l, const char **text, size_t *len) {
    skip_blanks(l);
    *text = l->at;
    *len = strspn(l->at, "+-.0123456789eE");
    l->at += *len;
    return *len > 0 || fail(l, "a number");
}

static bool take_whole(struct line *l, uint64_t most, uint64_t *value, const char *expected) {
    const char *text;
    size_t len;
    if (!take_number(l, &text, &len)) return false;
    if (num_u64(text, len, value) && *value <= most) return true;
    l->at = text;
    return fail(l, expected);
}

/* Milliseconds, perhaps with a fraction, to ns. */
static bool take_ms(struct line *l, int64_t *ns) {
    const char *text;
    size_t len;
    int64_t as_seconds; /* ms read as if they were s */
    if (!take_number(l, &text, &len)) return false;
    if (num_seconds_ns(text, len, &as_seconds) && as_seconds >= 0 && as_seconds <= IMPORT_TIME_MOST) {
        *ns = as_seconds / 1000;
        return true;
    }
    l->at = text;
    return fail(l, "milliseconds from 0 to 2,000,000,000");
}

static bool take_ids(struct line *l, struct mooncake *m) {
    m->ids.len = 0;
    if (!take(l, '[')) return fail(l, "a list of ids");
    if (take(l, ']')) return true;
    do {
        uint64_t id;
        if (!take_whole(l, UINT64_MAX, &id, "a whole number")) return false;
        *vec_push(&m->ids) = id;
    } while (take(l, ','));
    return take(l, ']') || fail(l, "a comma, or the list's closing bracket");
}

/* A value nobody asked for: a number, a text or a word. */
static bool pass_over(struct line *l) {
    const char *text;
    size_t len;
    skip_blanks(l);
    if (*l->at == '"') return take_text(l, &text, &len);
    len = strspn(l->at, "truefalsn");
    if (len == 0) return take_number(l, &text, &len);
    l->at += len;
    return true;
}

struct asked {
    int64_t arrival_ns;
    uint64_t prompt, output;
    unsigned seen; /* a bit a key */
};
static bool key_is(const char *key, size_t len, const char *name) {
    return strlen(name) == len && memcmp(key, name, len) == 0;
}

static bool take_pair(struct line *l, struct mooncake *m, struct asked *asked) {
    static const char tokens[] = "a whole number of tokens up to 100,000,000";
    const char *key;
    size_t len;
    if (!take_text(l, &key, &len)) return false;
    if (!take(l, ':')) return fail(l, "a colon");
    if (key_is(key, len, "timestamp")) return asked->seen |= 1, take_ms(l, &asked->arrival_ns);
    if (key_is(key, len, "input_length"))
        return asked->seen |= 2, take_whole(l, REQUESTS_TOKENS_MOST, &asked->prompt, tokens);
    if (key_is(key, len, "output_length"))
        return asked->seen |= 4, take_whole(l, REQUESTS_TOKENS_MOST, &asked->output, tokens);
    if (key_is(key, len, "hash_ids")) return asked->seen |= 8, take_ids(l, m);
    return pass_over(l);
}

static bool take_line(struct line *l, struct mooncake *m, struct asked *asked) {
    m->ids.len = 0;
    if (!take(l, '{')) return fail(l, "an object in braces");
    do {
        if (!take_pair(l, m, asked)) return false;
    } while (take(l, ','));
    if (!take(l, '}')) return fail(l, "a comma, or the object's closing brace");
    skip_blanks(l);
    return *l->at == '\0' || fail(l, "the line's end");
}

static void read_line(void *context, const char *file, int number, const char *text, size_t len, struct err *err) {
    struct mooncake *m = context;
    struct line l = {.begin = text, .at = text};
    struct asked asked = {.seen = 0};
    (void)len;
    skip_blanks(&l);
    if (*l.at == '\0') return;
    m->report->read++;
    if (!take_line(&l, m, &asked)) {
        err_add(err, (struct place_in_file){file, number, (int)(l.at - l.begin) + 1, NULL}, "expected %s", l.wrong);
        return;
    }
    if ((asked.seen & 7) != 7) {
        err_add(err, (struct place_in_file){file, number, 0, NULL},
                "expected the keys \"timestamp\", \"input_length\" and \"output_length\"");
        return;
    }
    if (asked.prompt == 0 || asked.output == 0) {
        import_drop(m->report, asked.prompt ? "no output tokens" : "no prompt tokens", file, number);
        return;
    }
    request_list_add(m->requests, asked.arrival_ns, (uint32_t)asked.prompt, (uint32_t)asked.output);
    for (size_t i = 0; asked.seen & 8 && i < m->ids.len && i < asked.prompt / REQUESTS_BLOCK_TOKENS; i++)
        request_list_hash(m->requests, m->ids.at[i]);
}

static bool mooncake_read(const struct import_call *call, struct request_list *requests, bool *dated,
                          struct import_report *report, struct err *err) {
    struct mooncake m = {.requests = requests, .report = report};
    const size_t found = err->found;
    *dated = false;
    for (size_t i = 0; i < call->files_len; i++) import_lines(call->files[i], read_line, &m, err);
    free(m.ids.at);
    return err->found == found;
}

const struct import_format import_mooncake = {
    .model = {.name = "mooncake",
              .summary = "Mooncake's JSON lines; requests with the hashes of their prompts' blocks",
              .source = "kvcache-ai/Mooncake; Qin et al., FAST'25"},
    .read_requests = mooncake_read,
};
