/* The YAML tree: positions, bounds, aliases, merging, paths, and writing what reads back the same. */
#include "io/yaml.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct arena arena;
static struct err err;

static void start(void) {
    arena_init(&arena);
    err_init(&err);
}

static void stop(void) {
    arena_free(&arena);
    err_free(&err);
}

TestSuite(yaml, .init = start, .fini = stop);

static struct yaml_node *parse(const char *text) {
    return yaml_parse(text, strlen(text), "t.yaml", true, &arena, &err);
}

static const char *emitted(const struct yaml_node *node) {
    struct text text;
    text_init(&text);
    yaml_emit(node, &text);
    const char *kept = arena_text(&arena, text.at);
    text_free(&text);
    return kept;
}

static void refused(const char *text, const char *finding) {
    cr_assert_null(parse(text), "%s", text);
    cr_assert_eq(err.kept, 1, "%zu findings in %s", err.kept, text);
    cr_assert_str_eq(err.lines[0], finding);
    err_free(&err);
}

Test(yaml, positions_count_from_one_in_characters) {
    struct yaml_node *root = parse("a: 1\nbä: {c: [x, 'y']}\n");
    struct yaml_node *list = yaml_get(yaml_get(root, "bä"), "c");
    cr_assert_eq(list->len, 2);
    const struct yaml_node *y = list->items[1].value;
    cr_assert_eq(y->line, 2);
    cr_assert_eq(y->col, 13);
    cr_assert_str_eq(y->text, "y");
    cr_assert_not(y->plain);
    cr_assert(list->items[0].value->plain);
}

Test(yaml, an_empty_file_is_an_empty_map) {
    cr_assert_eq(parse("")->kind, YAML_MAP);
    cr_assert_eq(parse("# only a comment\n")->len, 0);
}

Test(yaml, refusals_name_the_place) {
    refused("a: 1\nb: 2\na: 3\n", "t.yaml:3:1: a: duplicate key, first given in line 1");
    refused("a: {b: [1, {c: 1, c: 2}]}\n", "t.yaml:1:19: a.b[1].c: duplicate key, first given in line 1");
    refused("a: !!str x\n", "t.yaml:1:4: a: tag \"tag:yaml.org,2002:str\", expected a value without a tag");
    refused("a: *b\n", "t.yaml:1:4: a: unknown anchor \"b\", expected one given further up");
    refused("a: &b [*b]\n", "t.yaml:1:8: a[0]: unknown anchor \"b\", expected one given further up");
    refused("a: 1\n--- \nb: 1\n", "t.yaml:2:1: a second YAML document, expected the end of the file");
    refused("a: \"x\\0y\"\n", "t.yaml:1:4: a: text with a NUL character");
    refused("a: \xff\n", "t.yaml:1:4: byte 0xFF, expected UTF-8 text");
    refused("a: \xed\xa0\x80\n", "t.yaml:1:4: byte 0xED, expected UTF-8 text");
    refused("a: \xc2\x80\n", "t.yaml:1:4: character U+0080, expected readable text");
    refused("a: [1, 2\n",
            "t.yaml:2:1: not valid YAML: did not find expected ',' or ']', while parsing a flow sequence");
}

Test(yaml, nul_bytes_are_refused_inside_a_span) {
    cr_assert_null(yaml_parse("a: 1\0b", 6, "t.yaml", true, &arena, &err));
    cr_assert_str_eq(err.lines[0], "t.yaml:1:5: character U+0000, expected readable text");
}

Test(yaml, depth_is_bounded_exactly) {
    char text[400];
    size_t most = YAML_DEPTH_MOST;
    memset(text, '[', most);
    memset(text + most, ']', most);
    text[2 * most] = '\0';
    cr_assert_not_null(parse(text));
    memset(text, '[', most + 1);
    memset(text + most + 1, ']', most + 1);
    text[2 * most + 2] = '\0';
    cr_assert_null(parse(text));
}

Test(yaml, aliases_are_copies_and_count_as_what_they_stand_for) {
    struct yaml_node *root = parse("a: &x {k: 1}\nb: *x\n");
    yaml_put(&arena, yaml_get(root, "b"), "k", parse("2"));
    cr_assert_str_eq(yaml_get(yaml_get(root, "a"), "k")->text, "1");
    struct text bomb;
    text_init(&bomb);
    text_put(&bomb, "a0: &a0 [x, x]\n");
    for (int i = 1; i < 40; i++) text_format(&bomb, "a%d: &a%d [*a%d, *a%d]\n", i, i, i - 1, i - 1);
    cr_assert_null(parse(bomb.at));
    cr_assert(strstr(err.lines[0], "too many values"));
    text_free(&bomb);
}

Test(yaml, merging_keeps_what_is_there_and_descends_into_maps) {
    struct yaml_node *over = parse("a: 1\nm: {x: 1}\nl: [1]\ngone: null\n");
    struct yaml_node *under = parse("a: 2\nb: 2\nm: {x: 2, y: 2}\nl: [1, 2]\ngone: 5\n");
    yaml_merge(&arena, over, under);
    yaml_prune(over);
    cr_assert_str_eq(emitted(over), "a: 1\nm:\n  x: 1\n  y: 2\nl: [1]\nb: 2\n");
}

Test(yaml, only_plain_null_is_null) {
    struct yaml_node *root = parse("a: null\nb: ~\nc: 'null'\nd: Null\ne:\n");
    yaml_prune(root);
    cr_assert_eq(root->len, 3);
}

Test(yaml, assigning_at_a_path) {
    struct yaml_node *root = parse("p: {order: fifo}\nr: [{name: a, v: 1}, {catalog: b, v: 2}]\n");
    cr_assert(yaml_assign(&arena, root, "p.order", parse("sjf"), &err));
    cr_assert(yaml_assign(&arena, root, "r[1].v", parse("3"), &err));
    cr_assert(yaml_assign(&arena, root, "r.a.v", parse("4"), &err));
    cr_assert(yaml_assign(&arena, root, "r.b.w", parse("5"), &err));
    cr_assert(yaml_assign(&arena, root, "new.deep", parse("[6]"), &err));
    cr_assert_str_eq(emitted(root), "p:\n  order: sjf\nr:\n- name: a\n  v: 4\n- catalog: b\n  v: 3\n  w: 5\n"
                                    "new:\n  deep: [6]\n");
    const char *const wrong[] = {"",       ".",      "a.",        "a..b", ".a",    "r[",     "r[x]",
                                 "r[2].v", "r.zz.v", "p.order.x", "p[0]", "r[0]v", "r[-1].v"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_not(yaml_assign(&arena, root, wrong[i], parse("1"), &err), "'%s'", wrong[i]);
    cr_assert_eq(err.kept, sizeof wrong / sizeof *wrong);
}

Test(yaml, what_is_written_reads_back_the_same) {
    const char *text =
        "a: 1\nq: \"true\"\ns: 'it''s'\nt: |\n  two\n  lines\nu: Zürich\ne: ''\nl: []\nm: {}\n"
        "n: [{a: 1}, [2, 3], \"x: y\"]\nlong: aaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb "
        "cccccccccccccccccccccccccccccccccccccc dddddddddddddddddddddddddd\n";
    const char *once = emitted(parse(text));
    cr_assert_str_eq(once, emitted(parse(once)));
    struct yaml_node *back = parse(once);
    cr_assert_not(yaml_get(back, "q")->plain, "a quoted true stays a text");
    cr_assert_str_eq(yaml_get(back, "t")->text, "two\nlines\n");
    cr_assert_str_eq(yaml_get(back, "u")->text, "Zürich");
}

Test(yaml, a_set_is_placed_by_its_path_alone) {
    struct yaml_node node = {.file = "--set policy.order"};
    cr_assert_null(yaml_place(&node, "policy.order").path);
    cr_assert_str_eq(yaml_place(&node, "policy.order.model").path, "policy.order.model");
    cr_assert_str_eq(yaml_place(&node, "order").path, "order");
}
