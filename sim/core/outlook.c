/*
 * Step functions made ready for questions, and what is believed of them. See outlook.h.
 *
 * Integrals are exact. A value is kept as the integer value x 2^k, with k such that the largest has 59 bits (so
 * values down to 1/64 of the largest lose nothing, smaller ones 2^-59 of the largest), and times are integers:
 * sums of value x ns are 128-bit integers that cannot overflow before TICK_NEVER, do not round, and are equal
 * whenever the spans hold the same values for the same times. Only the answer is rounded to a double.
 *
 * Running totals and least values are kept a block of 16 steps, the steps inside a block are read one by one.
 * Least values of runs of blocks come from a sparse table (Bender and Farach-Colton 2000): the step of the least
 * value of 2^level blocks, for every first block. The steps at which the value really changes are a set of bits.
 * Beside the steps themselves that is about 6 bytes a step for ten years of minutes.
 *
 * The first moment of an error that grows with its lead needs sums of error(t) x t as well. They are kept as a
 * compensated pair of doubles a block.
 *
 * Invariant: times ascend strictly, values are finite, a period is longer than its steps reach.
 * Cost: O(n log n) to open (one pass a level of the table); a question O(1) on evenly spaced steps, else O(log n).
 */
#include "core/outlook.h"

#include "base/bits.h"
#include "base/err.h"
#include "base/tick.h"

#include <math.h>

__extension__ typedef __int128 wide;

enum { BLOCK = 16, VALUE_BITS = 59 };

struct signal {
    struct steps steps;   /* arrays borrowed */
    int64_t width_ns;     /* of every step but the last; 0: not all the same */
    double scale;         /* a power of two: value x scale is kept as an integer */
    wide *before;         /* by block: integral from the first step to the block's begin, value x scale x ns */
    wide period_total;    /* the same over one period */
    size_t blocks;
    uint32_t **least;     /* [level][block]: first step of the least value in blocks block .. block + 2^level - 1 */
    struct bits_plan plan;
    uint64_t *changes;    /* steps whose value differs from the one before (in time) */
};

/* ---- where a moment falls ---- */

/* A step, and by how much it is shifted in time because the function repeats. */
struct position {
    size_t i;
    int64_t shift_ns;
};

static int64_t min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t periods_passed_ns(const struct steps *s, int64_t t_ns) {
    if (s->period_ns <= 0 || t_ns - s->at_ns[0] < s->period_ns) return 0;
    return (t_ns - s->at_ns[0]) / s->period_ns * s->period_ns;
}

/* The last step at or before t; the first one before it. Looked for from where it would be if steps were evenly
 * spaced, in strides that double (Bentley and Yao 1976): a series with a few gaps is searched near by. */
static size_t step_at(const struct steps *s, int64_t t_ns) {
    const int64_t *at_ns = s->at_ns, last = (int64_t)s->len - 1;
    if (t_ns >= at_ns[last]) return (size_t)last;
    if (t_ns <= at_ns[0]) return 0;
    const double share = (double)(t_ns - at_ns[0]) / (double)(at_ns[last] - at_ns[0]);
    int64_t low = (int64_t)(share * (double)last), high = low, stride = 1;
    for (; at_ns[low] > t_ns; stride *= 2) { /* at 0 it ends: t is later */
        high = low;
        low = max_i64(0, low - stride);
    }
    if (high == low)
        for (high = low + 1; at_ns[high] <= t_ns; stride *= 2) { /* at the last step, too */
            low = high;
            high = min_i64(last, high + stride);
        }
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (at_ns[middle] <= t_ns) low = middle;
        else high = middle;
    }
    return (size_t)low;
}

static struct position locate(const struct signal *s, int64_t t_ns) {
    struct position p = {.shift_ns = periods_passed_ns(&s->steps, t_ns)};
    t_ns -= p.shift_ns;
    if (s->width_ns == 0) {
        p.i = step_at(&s->steps, t_ns);
    } else if (t_ns > s->steps.at_ns[0]) {
        const size_t i = (size_t)((t_ns - s->steps.at_ns[0]) / s->width_ns);
        p.i = i < s->steps.len ? i : s->steps.len - 1;
    }
    return p;
}

/* When the step begins; later than any event where that is beyond all time. */
static int64_t begin_ns(const struct steps *s, struct position p) {
    int64_t at_ns;
    if (__builtin_add_overflow(s->at_ns[p.i], p.shift_ns, &at_ns)) return TICK_NEVER;
    return min_i64(at_ns, TICK_NEVER);
}

static struct position step_after(const struct steps *s, struct position p) {
    return p.i + 1 < s->len ? (struct position){p.i + 1, p.shift_ns}
                            : (struct position){0, p.shift_ns + s->period_ns};
}

static int64_t end_ns(const struct steps *s, struct position p) {
    if (s->len == 1 || (p.i + 1 == s->len && s->period_ns <= 0)) return TICK_NEVER;
    return begin_ns(s, step_after(s, p));
}

/* ---- a signal is opened ---- */

/* The same distance between all steps: then a step is found by division. */
static int64_t even_width(const struct steps *s) {
    if (s->len == 1) return TICK_NEVER;
    const int64_t width_ns = s->at_ns[1] - s->at_ns[0];
    for (size_t i = 1; i < s->len; i++)
        if (s->at_ns[i] - s->at_ns[i - 1] != width_ns) return 0;
    return width_ns;
}

static double scale_for(const struct steps *s) {
    double most = 0;
    for (size_t i = 0; i < s->len; i++) {
        require(isfinite(s->value[i]));
        most = fmax(most, fabs(s->value[i]));
    }
    int exponent;
    frexp(most, &exponent);
    return ldexp(1, exponent > -900 ? VALUE_BITS - exponent : 0);
}

static int64_t scaled(const struct signal *s, size_t i) { return (int64_t)(s->steps.value[i] * s->scale); }

/* How long a step lasts; the last one of a function that does not repeat as long as the one before. */
static int64_t lasts_ns(const struct steps *s, size_t i) {
    if (i + 1 < s->len) return s->at_ns[i + 1] - s->at_ns[i];
    if (s->period_ns > 0) return s->at_ns[0] + s->period_ns - s->at_ns[i];
    return i ? s->at_ns[i] - s->at_ns[i - 1] : TICK_S;
}

static void open_totals(struct signal *s, struct arena *arena) {
    s->scale = scale_for(&s->steps);
    s->before = arena_alloc(arena, s->blocks, sizeof *s->before);
    for (size_t i = 0; i < s->steps.len; i++) {
        if (i % BLOCK == 0) s->before[i / BLOCK] = s->period_total;
        s->period_total += (wide)scaled(s, i) * lasts_ns(&s->steps, i);
    }
}

/* The first of the least values of steps i..j. */
static uint32_t scan_least(const double *value, size_t i, size_t j) {
    size_t best = i;
    for (size_t k = i + 1; k <= j; k++)
        if (value[k] < value[best]) best = k;
    return (uint32_t)best;
}
static uint32_t lesser(const double *value, uint32_t left, uint32_t right) {
    return value[right] < value[left] ? right : left;
}

static void open_least(struct signal *s, struct arena *arena) {
    const double *value = s->steps.value;
    unsigned levels = 1;
    while ((size_t)1 << levels <= s->blocks) levels++;
    s->least = arena_alloc(arena, levels, sizeof *s->least);
    s->least[0] = arena_alloc(arena, s->blocks, sizeof **s->least);
    for (size_t b = 0; b < s->blocks; b++) {
        const size_t end = (b + 1) * BLOCK < s->steps.len ? (b + 1) * BLOCK : s->steps.len;
        s->least[0][b] = scan_least(value, b * BLOCK, end - 1);
    }
    for (unsigned level = 1; level < levels; level++) {
        const size_t half = (size_t)1 << (level - 1), count = s->blocks - 2 * half + 1;
        s->least[level] = arena_alloc(arena, count, sizeof **s->least);
        for (size_t b = 0; b < count; b++)
            s->least[level][b] = lesser(value, s->least[level - 1][b], s->least[level - 1][b + half]);
    }
}

static void open_changes(struct signal *s, struct arena *arena) {
    const double *value = s->steps.value;
    const size_t len = s->steps.len;
    s->plan = bits_plan((uint32_t)len);
    s->changes = arena_alloc(arena, s->plan.words, sizeof *s->changes);
    if (value[0] != value[len - 1]) bits_set(&s->plan, s->changes, 0);
    for (size_t i = 1; i < len; i++)
        if (value[i] != value[i - 1]) bits_set(&s->plan, s->changes, (uint32_t)i);
}

struct signal *signal_open(struct arena *arena, const struct steps *steps) {
    require(steps->len >= 1 && steps->len < UINT32_MAX);
    struct signal *s = arena_alloc(arena, 1, sizeof *s);
    s->steps = *steps;
    s->width_ns = even_width(steps);
    s->blocks = (steps->len + BLOCK - 1) / BLOCK;
    open_totals(s, arena);
    open_least(s, arena);
    open_changes(s, arena);
    return s;
}

/* ---- questions to a signal ---- */

double signal_value(const struct signal *s, int64_t t_ns) { return s->steps.value[locate(s, t_ns).i]; }

/* From the first step's begin to t, value x scale x ns; negative before it. */
static wide total_to(const struct signal *s, int64_t t_ns) {
    const struct position p = locate(s, t_ns);
    const int64_t *at_ns = s->steps.at_ns;
    const size_t first = p.i - p.i % BLOCK;
    wide total = s->before[p.i / BLOCK];
    if (s->width_ns) {
        int64_t sum = 0; /* fewer than 16 values of 59 bits */
        for (size_t i = first; i < p.i; i++) sum += scaled(s, i);
        total += (wide)sum * s->width_ns;
    } else {
        for (size_t i = first; i < p.i; i++) total += (wide)scaled(s, i) * (at_ns[i + 1] - at_ns[i]);
    }
    total += (wide)scaled(s, p.i) * (t_ns - p.shift_ns - at_ns[p.i]);
    if (p.shift_ns) total += s->period_total * (p.shift_ns / s->steps.period_ns);
    return total;
}

double signal_sum(const struct signal *s, int64_t from_ns, int64_t to_ns) {
    return (double)(total_to(s, to_ns) - total_to(s, from_ns)) / 1e9 / s->scale;
}

int64_t signal_change(const struct signal *s, int64_t t_ns) {
    struct position p = locate(s, t_ns);
    const size_t after = p.i + 1;
    uint32_t i = after < s->steps.len ? bits_next(&s->plan, s->changes, (uint32_t)after) : BITS_NONE;
    if (i == BITS_NONE && s->steps.period_ns > 0) {
        i = bits_first(&s->plan, s->changes);
        p.shift_ns += s->steps.period_ns;
    }
    if (i == BITS_NONE) return TICK_NEVER;
    return begin_ns(&s->steps, (struct position){i, p.shift_ns});
}

/* The first of the least values of steps i..j, i <= j. */
static uint32_t least_step(const struct signal *s, size_t i, size_t j) {
    const double *value = s->steps.value;
    const size_t first = i / BLOCK + 1, last = j / BLOCK; /* whole blocks first .. last - 1 */
    if (first > last) return scan_least(value, i, j);
    uint32_t best = scan_least(value, i, first * BLOCK - 1);
    if (first < last) {
        const unsigned level = 63 - (unsigned)__builtin_clzll(last - first);
        best = lesser(value, best, s->least[level][first]);
        best = lesser(value, best, s->least[level][last - ((size_t)1 << level)]);
    }
    return lesser(value, best, scan_least(value, last * BLOCK, j));
}

int64_t signal_lowest(const struct signal *s, int64_t from_ns, int64_t to_ns) {
    const struct position from = locate(s, from_ns), to = locate(s, to_ns);
    const bool together = from.shift_ns == to.shift_ns;
    struct position best = {least_step(s, from.i, together ? to.i : s->steps.len - 1), from.shift_ns};
    if (!together) {
        const int64_t shift_ns = from.shift_ns + s->steps.period_ns; /* one whole period shows everything */
        const size_t i = least_step(s, 0, shift_ns == to.shift_ns ? to.i : s->steps.len - 1);
        if (s->steps.value[i] < s->steps.value[best.i]) best = (struct position){i, shift_ns};
    }
    const bool at_once = best.i == from.i && best.shift_ns == from.shift_ns;
    return at_once ? from_ns : begin_ns(&s->steps, best);
}

double signal_average(const struct signal *s) {
    const struct steps *steps = &s->steps;
    const int64_t span_ns = steps->at_ns[steps->len - 1] + lasts_ns(steps, steps->len - 1) - steps->at_ns[0];
    return (double)s->period_total / (double)span_ns / s->scale;
}

/* ---- errors that grow ---- */

/* By block: integral of value x (t - first step's begin) from there to the block's begin, value x s^2. */
struct moments {
    const struct signal *of;
    struct compensated {
        double sum, rest;
    } *before;
};

/* Neumaier 1974 */
static void compensated_add(struct compensated *to, double term) {
    const double sum = to->sum + term;
    to->rest += fabs(to->sum) >= fabs(term) ? to->sum - sum + term : term - sum + to->sum;
    to->sum = sum;
}

/* Integral of value x (t - origin) over [from, to), value x s^2. */
static double moment_piece(double value, int64_t from_ns, int64_t to_ns, int64_t origin_ns) {
    const double middle_s = (tick_seconds(from_ns - origin_ns) + tick_seconds(to_ns - origin_ns)) / 2;
    return value * tick_seconds(to_ns - from_ns) * middle_s;
}

static const struct moments *moments_open(struct arena *arena, const struct signal *of) {
    struct moments *m = arena_alloc(arena, 1, sizeof *m);
    const int64_t *at_ns = of->steps.at_ns;
    struct compensated so_far = {0};
    *m = (struct moments){of, arena_alloc(arena, of->blocks, sizeof *m->before)};
    for (size_t i = 0; i < of->steps.len; i++) {
        if (i % BLOCK == 0) m->before[i / BLOCK] = so_far;
        const int64_t end_at_ns = at_ns[i] + lasts_ns(&of->steps, i);
        compensated_add(&so_far, moment_piece(of->steps.value[i], at_ns[i], end_at_ns, at_ns[0]));
    }
    return m;
}

/* The same over whole blocks first .. last - 1; all times less the period's shift. */
static double moment_blocks(const struct moments *m, size_t first, size_t last, int64_t origin_ns) {
    const struct compensated *from = &m->before[first], *to = &m->before[last];
    const double moment = to->sum - from->sum + (to->rest - from->rest);
    const double sum = (double)(m->of->before[last] - m->of->before[first]) / 1e9 / m->of->scale;
    return moment - sum * tick_seconds(origin_ns - m->of->steps.at_ns[0]);
}

/* Over [from, to), from <= to: piece by piece to the next block, then whole blocks, then piece by piece. */
static double moment_sum(const struct moments *m, int64_t from_ns, int64_t to_ns, int64_t origin_ns) {
    const struct steps *steps = &m->of->steps;
    const struct position last = locate(m->of, to_ns);
    struct position p = locate(m->of, from_ns);
    double sum = 0;
    while (from_ns < to_ns) {
        const size_t block = p.i / BLOCK;
        const size_t goal = last.shift_ns == p.shift_ns ? last.i / BLOCK : m->of->blocks - 1;
        if (p.i % BLOCK == 0 && goal > block && from_ns == begin_ns(steps, p)) {
            sum += moment_blocks(m, block, goal, origin_ns - p.shift_ns);
            p.i = goal * BLOCK;
            from_ns = begin_ns(steps, p);
            continue;
        }
        const int64_t end_at_ns = min_i64(end_ns(steps, p), to_ns);
        sum += moment_piece(steps->value[p.i], from_ns, end_at_ns, origin_ns);
        from_ns = end_at_ns;
        p = step_after(steps, p);
    }
    return sum;
}

/* ---- beliefs ---- */

void outlook_open(struct outlook *o, struct arena *arena, const struct steps *truth, const struct forecast *forecast,
                  int64_t utc_offset_ns) {
    *o = (struct outlook){.truth = signal_open(arena, truth), .utc_offset_ns = utc_offset_ns};
    o->base = o->truth;
    if (!forecast) return;
    o->wrap_ns = forecast->wrap_ns;
    o->grows_ns = forecast->grows_ns;
    if (forecast->base.at_ns != truth->at_ns || forecast->base.value != truth->value)
        o->base = signal_open(arena, &forecast->base);
    if (forecast->error.len == 0) return;
    o->error = signal_open(arena, &forecast->error);
    o->error_t = moments_open(arena, o->error);
}

/* Whole wraps to take off t >= issued. */
static int64_t wraps_ns(const struct outlook *o, int64_t issued_ns, int64_t t_ns) {
    if (o->wrap_ns <= 0 || t_ns - issued_ns < o->wrap_ns) return 0;
    return (t_ns - issued_ns) / o->wrap_ns * o->wrap_ns;
}

/* The share of the error that counts. */
static double grown(const struct outlook *o, int64_t issued_ns, int64_t t_ns) {
    const int64_t lead_ns = t_ns - issued_ns;
    return lead_ns < o->grows_ns ? (double)lead_ns / (double)o->grows_ns : 1;
}

double outlook_value(const struct outlook *o, int64_t issued_ns, int64_t t_ns) {
    if (t_ns <= issued_ns) return signal_value(o->truth, t_ns);
    const double base = signal_value(o->base, t_ns - wraps_ns(o, issued_ns, t_ns));
    return o->error ? base + signal_value(o->error, t_ns) * grown(o, issued_ns, t_ns) : base;
}

/* Integrals of the two parts of a belief over [from, to), issued <= from <= to. */
static double base_sum(const struct outlook *o, int64_t issued_ns, int64_t from_ns, int64_t to_ns) {
    const int64_t from_wraps_ns = wraps_ns(o, issued_ns, from_ns), to_wraps_ns = wraps_ns(o, issued_ns, to_ns);
    from_ns -= from_wraps_ns;
    to_ns -= to_wraps_ns;
    if (from_wraps_ns == to_wraps_ns) return signal_sum(o->base, from_ns, to_ns);
    const int64_t wrapped_ns = issued_ns + o->wrap_ns, between = (to_wraps_ns - from_wraps_ns) / o->wrap_ns - 1;
    const double ends = signal_sum(o->base, from_ns, wrapped_ns) + signal_sum(o->base, issued_ns, to_ns);
    return between ? ends + (double)between * signal_sum(o->base, issued_ns, wrapped_ns) : ends;
}
static double error_sum(const struct outlook *o, int64_t issued_ns, int64_t from_ns, int64_t to_ns) {
    const int64_t full_ns = issued_ns + o->grows_ns;
    double sum = 0;
    if (from_ns < full_ns) {
        const int64_t until_ns = min_i64(to_ns, full_ns);
        sum = moment_sum(o->error_t, from_ns, until_ns, issued_ns) / tick_seconds(o->grows_ns);
        from_ns = until_ns;
    }
    return from_ns < to_ns ? sum + signal_sum(o->error, from_ns, to_ns) : sum;
}

double outlook_sum(const struct outlook *o, int64_t issued_ns, int64_t from_ns, int64_t to_ns) {
    if (to_ns < from_ns) return -outlook_sum(o, issued_ns, to_ns, from_ns);
    if (to_ns <= issued_ns || (o->base == o->truth && !o->error && o->wrap_ns == 0))
        return signal_sum(o->truth, from_ns, to_ns);
    double sum = 0;
    if (from_ns < issued_ns) {
        sum = signal_sum(o->truth, from_ns, issued_ns);
        from_ns = issued_ns;
    }
    sum += base_sum(o, issued_ns, from_ns, to_ns);
    return o->error ? sum + error_sum(o, issued_ns, from_ns, to_ns) : sum;
}

/* The next change of the wrapped base after t >= issued. */
static int64_t base_change(const struct outlook *o, int64_t issued_ns, int64_t t_ns) {
    const int64_t shift_ns = wraps_ns(o, issued_ns, t_ns), wrapped_ns = issued_ns + o->wrap_ns;
    int64_t change_ns = signal_change(o->base, t_ns - shift_ns);
    if (o->wrap_ns == 0 || change_ns < wrapped_ns) return min_i64(change_ns + shift_ns, TICK_NEVER);
    if (signal_value(o->base, issued_ns) != signal_value(o->base, wrapped_ns - 1)) return wrapped_ns + shift_ns;
    change_ns = signal_change(o->base, issued_ns);
    return change_ns < wrapped_ns ? change_ns + shift_ns + o->wrap_ns : TICK_NEVER;
}

int64_t outlook_change(const struct outlook *o, int64_t issued_ns, int64_t t_ns) {
    if (t_ns <= issued_ns) {
        const int64_t change_ns = signal_change(o->truth, t_ns);
        if (change_ns <= issued_ns) return change_ns;
        t_ns = issued_ns + 1; /* where belief takes over; an error that grows begins at 0 */
        double belief = signal_value(o->base, t_ns);
        if (o->error && o->grows_ns == 0) belief += signal_value(o->error, t_ns);
        if (belief != signal_value(o->truth, issued_ns)) return t_ns;
    }
    const int64_t change_ns = base_change(o, issued_ns, t_ns);
    if (!o->error) return change_ns;
    const int64_t full_ns = issued_ns + o->grows_ns, error_ns = min_i64(change_ns, signal_change(o->error, t_ns));
    return t_ns < full_ns ? min_i64(full_ns, error_ns) : error_ns;
}

/* A moment and what is believed of it. */
struct low {
    int64_t at_ns;
    double value;
};
static struct low lower(struct low a, struct low b) { return b.value < a.value ? b : a; }

static struct low base_lowest(const struct outlook *o, int64_t from_ns, int64_t to_ns, int64_t shift_ns) {
    const int64_t at_ns = signal_lowest(o->base, from_ns - shift_ns, to_ns - shift_ns);
    return (struct low){at_ns + shift_ns, signal_value(o->base, at_ns)};
}

/* The least of base + error on [from, to], where the error is one value, growing all the time or not at all: at the
 * first moment of a step of the base, or at its last where an error below 0 grows. */
static struct low line_lowest(const struct outlook *o, int64_t issued_ns, int64_t from_ns, int64_t to_ns,
                              int64_t shift_ns, double off) {
    const struct steps *base = &o->base->steps;
    struct position b = locate(o->base, from_ns - shift_ns);
    struct low best = {from_ns, INFINITY};
    while (from_ns <= to_ns) {
        const int64_t end_at_ns = end_ns(base, b) + shift_ns, last_ns = min_i64(end_at_ns - 1, to_ns);
        const double level = base->value[b.i];
        best = lower(best, (struct low){from_ns, level + off * grown(o, issued_ns, from_ns)});
        best = lower(best, (struct low){last_ns, level + off * grown(o, issued_ns, last_ns)});
        b = step_after(base, b);
        from_ns = end_at_ns;
    }
    return best;
}

/* Error by error. The base's least value and the error's give a bound; steps are read only where it is less than
 * what was found before. Rounding is monotone, so the bound holds for the rounded values too. */
static struct low error_lowest(const struct outlook *o, int64_t issued_ns, int64_t from_ns, int64_t to_ns,
                               int64_t shift_ns) {
    const struct steps *error = &o->error->steps;
    const int64_t full_ns = issued_ns + o->grows_ns;
    struct position e = locate(o->error, from_ns);
    struct low best = {from_ns, INFINITY};
    while (from_ns <= to_ns) {
        const int64_t end_at_ns = end_ns(error, e);
        int64_t last_ns = min_i64(end_at_ns - 1, to_ns);
        if (from_ns < full_ns) last_ns = min_i64(last_ns, full_ns - 1);
        const double off = error->value[e.i];
        const double first = off * grown(o, issued_ns, from_ns), last = off * grown(o, issued_ns, last_ns);
        struct low least = base_lowest(o, from_ns, last_ns, shift_ns);
        least.value += fmin(first, last);
        if (first != last && least.value < best.value)
            least = line_lowest(o, issued_ns, from_ns, last_ns, shift_ns, off);
        best = lower(best, least);
        from_ns = last_ns + 1;
        if (from_ns == end_at_ns) e = step_after(error, e);
    }
    return best;
}

/* Over [from, to], issued < from <= to: wrap by wrap. Without an error two whole wraps are alike. */
static struct low belief_lowest(const struct outlook *o, int64_t issued_ns, int64_t from_ns, int64_t to_ns) {
    struct low best = {from_ns, INFINITY};
    const int64_t last_ns = wraps_ns(o, issued_ns, to_ns);
    for (int64_t shift_ns = wraps_ns(o, issued_ns, from_ns), wrap = 0; from_ns <= to_ns; wrap++) {
        const int64_t end_at_ns = shift_ns < last_ns ? issued_ns + shift_ns + o->wrap_ns - 1 : to_ns;
        best = lower(best, o->error ? error_lowest(o, issued_ns, from_ns, end_at_ns, shift_ns)
                                    : base_lowest(o, from_ns, end_at_ns, shift_ns));
        if (!o->error && wrap == 1) break;
        from_ns = end_at_ns + 1;
        shift_ns += o->wrap_ns;
    }
    return best;
}

int64_t outlook_lowest(const struct outlook *o, int64_t issued_ns, int64_t from_ns, int64_t to_ns) {
    const int64_t known_ns = min_i64(to_ns, issued_ns);
    if (o->base == o->truth && !o->error && o->wrap_ns == 0) return signal_lowest(o->truth, from_ns, to_ns);
    struct low best = {from_ns, INFINITY};
    if (from_ns <= known_ns) {
        best.at_ns = signal_lowest(o->truth, from_ns, known_ns);
        best.value = signal_value(o->truth, best.at_ns);
        from_ns = known_ns + 1;
    }
    return (from_ns <= to_ns ? lower(best, belief_lowest(o, issued_ns, from_ns, to_ns)) : best).at_ns;
}

/* ---- two step functions made one ---- */

/* Reads steps forwards from some moment. */
struct reader {
    const struct steps *steps;
    struct position at;
    int64_t next_ns;
    double value;
};
static void reader_open(struct reader *r, const struct steps *steps, int64_t t_ns) {
    const int64_t shift_ns = periods_passed_ns(steps, t_ns);
    *r = (struct reader){.steps = steps, .at = {step_at(steps, t_ns - shift_ns), shift_ns}};
    r->next_ns = end_ns(steps, r->at);
    r->value = steps->value[r->at.i];
}
static void reader_step(struct reader *r) {
    r->at = step_after(r->steps, r->at);
    r->next_ns = end_ns(r->steps, r->at);
    r->value = r->steps->value[r->at.i];
}

struct merge {
    const struct steps *x, *y;
    bool product;
    double a, b;
    int64_t start_ns, end_ns; /* TICK_NEVER: as long as anything changes */
};

/* Writes the steps (NULL: only counts them) and returns how many. */
static size_t merge_steps(const struct merge *m, int64_t *at_ns, double *value) {
    struct reader x, y;
    size_t len = 0;
    reader_open(&x, m->x, m->start_ns);
    reader_open(&y, m->y, m->start_ns);
    for (int64_t t_ns = m->start_ns; t_ns < m->end_ns; len++) {
        if (at_ns) {
            at_ns[len] = t_ns;
            value[len] = m->product ? x.value * y.value : m->a * x.value + m->b * y.value;
        }
        t_ns = min_i64(x.next_ns, y.next_ns);
        if (t_ns == TICK_NEVER) continue; /* and leave */
        if (x.next_ns == t_ns) reader_step(&x);
        if (y.next_ns == t_ns) reader_step(&y);
    }
    return len;
}

enum { STEPS_MOST = 1 << 24 };

/* Least common multiple of two periods if it has few enough steps, else 0. */
static int64_t common_period(const struct steps *x, const struct steps *y) {
    int64_t a = x->period_ns, b = y->period_ns;
    while (b) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    const int64_t x_times = y->period_ns / a, y_times = x->period_ns / a;
    int64_t common_ns;
    if (__builtin_mul_overflow(x->period_ns, x_times, &common_ns) || common_ns > TICK_NEVER) return 0;
    return (wide)x->len * x_times + (wide)y->len * y_times <= STEPS_MOST ? common_ns : 0;
}

/* Whole periods that cover the steps of one that does not repeat, as many as there may be steps for. */
static int64_t covering_period(const struct steps *repeats, const struct steps *once, int64_t start_ns) {
    const int64_t end_at_ns = once->at_ns[once->len - 1] + lasts_ns(once, once->len - 1);
    const int64_t span_ns = max_i64(end_at_ns - start_ns, 1);
    const int64_t wanted = (span_ns - 1) / repeats->period_ns + 1;
    const int64_t most = once->len < STEPS_MOST ? (int64_t)((STEPS_MOST - once->len) / repeats->len) : 0;
    return max_i64(1, min_i64(wanted, most)) * repeats->period_ns;
}

/* Over which span the two are read, and the period of what comes out. */
static int64_t merge_span(struct merge *m, bool *approximate) {
    const struct steps *x = m->x, *y = m->y;
    const bool x_flat = x->len == 1, y_flat = y->len == 1;
    m->start_ns = x_flat ? y->at_ns[0] : y_flat ? x->at_ns[0] : min_i64(x->at_ns[0], y->at_ns[0]);
    m->end_ns = TICK_NEVER;
    int64_t period_ns = x_flat ? y->period_ns : y_flat ? x->period_ns : 0;
    if (!x_flat && !y_flat && (x->period_ns > 0 || y->period_ns > 0)) {
        m->start_ns = max_i64(x->at_ns[0], y->at_ns[0]);
        if (x->period_ns > 0 && y->period_ns > 0) {
            period_ns = common_period(x, y);
            *approximate |= period_ns == 0 || m->start_ns > 0; /* before both have begun, one value holds */
            if (period_ns == 0) period_ns = max_i64(x->period_ns, y->period_ns);
        } else {
            period_ns = x->period_ns > 0 ? covering_period(x, y, m->start_ns) : covering_period(y, x, m->start_ns);
            *approximate = true;
        }
    }
    if (period_ns > 0) m->end_ns = m->start_ns + period_ns;
    return period_ns;
}

static struct steps merge(struct arena *arena, struct merge *m, bool *approximate) {
    require(m->x->len >= 1 && m->y->len >= 1);
    struct steps out = {.period_ns = merge_span(m, approximate),
                        .source = m->x->len >= m->y->len ? m->x->source : m->y->source};
    out.len = merge_steps(m, NULL, NULL);
    out.at_ns = arena_alloc(arena, out.len, sizeof *out.at_ns);
    out.value = arena_alloc(arena, out.len, sizeof *out.value);
    merge_steps(m, out.at_ns, out.value);
    return out;
}

struct steps steps_combine(struct arena *arena, const struct steps *x, double a, const struct steps *y, double b,
                           bool *approximate) {
    return merge(arena, &(struct merge){.x = x, .y = y, .a = a, .b = b}, approximate);
}
struct steps steps_product(struct arena *arena, const struct steps *x, const struct steps *y, bool *approximate) {
    return merge(arena, &(struct merge){.x = x, .y = y, .product = true}, approximate);
}

struct steps steps_delayed(struct arena *arena, const struct steps *x, int64_t delay_ns) {
    struct steps out = *x;
    if (x->len == 1) return out;
    const int64_t first_ns = x->at_ns[0] + delay_ns;
    if (x->period_ns > 0 && first_ns > 0) delay_ns -= ((first_ns - 1) / x->period_ns + 1) * x->period_ns;
    out.at_ns = arena_alloc(arena, x->len, sizeof *out.at_ns);
    for (size_t i = 0; i < x->len; i++) out.at_ns[i] = x->at_ns[i] + delay_ns;
    return out;
}
