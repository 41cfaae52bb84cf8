/* Which relay is used for what: roles apart, terms, who is away or answers wrongly, who brings no
 * receipt. */
#include "node/relays.h"
#include "base/clock.h"
#include "home.h"
#include "store/sql.h"

#define NOW (INT64_C(1700000000) * MP_SECOND)

static struct store *s;

static void add(int from, int to)
{
	uint8_t onion[ONION_KEY] = {0};

	for (int i = from; i < to; i++) {
		onion[0] = (uint8_t)i;
		MUST(meshserver_add(s, onion));
	}
}

static int64_t pick(enum meshrole role, int64_t now)
{
	struct meshserver v;
	int rc = relays_pick(s, role, NULL, 0, now, &v);

	return rc == 0 ? v.row : rc;
}

/* How many have it, and the row of the last. */
static int with(enum meshrole role, int64_t now, int64_t *row)
{
	struct meshserver v = {.row = 0};
	int n = 0;

	while (relays_next(s, role, v.row, now, &v) == 0) {
		*row = v.row;
		n++;
	}
	return n;
}

static struct meshserver get(int64_t row)
{
	struct meshserver v;

	MUST(meshserver_next(s, &v, row - 1));
	return v;
}

static void test_roles(void)
{
	int64_t post, row = 0;
	bool few;

	is_int(pick(ROLE_POST, NOW), MP_ENONE, "nobody is known");
	add(0, 1);
	is_int(pick(ROLE_FETCH, NOW), MP_ENONE, "the only one is not fetched from");
	post = pick(ROLE_POST, NOW);
	ok(post > 0, "... it is posted to");
	is_int(pick(ROLE_POST, NOW + MP_DAY), post, "... and stays so");
	is_int(pick(ROLE_FETCH, NOW), MP_ENONE, "... and is not fetched from");
	add(1, 3);
	for (int i = 0; i < 20; i++) {
		row = pick(ROLE_FETCH, NOW);
		if (row == post)
			break;
	}
	ok(row != post, "who is posted to is never fetched from");
	is_int(with(ROLE_FETCH, NOW, &row), 1, "one is picked again");
	MUST(relays_few(s, NOW, &few));
	ok(few, "which is too few");
	is_int(with(ROLE_POST, NOW + 8 * MP_DAY, &row), 0, "a week ends the role");
}

static void test_turn(void)
{
	int64_t was = 0, is = 0;

	MUST(sql_exec(s, "DELETE FROM meshserver", ""));
	add(0, 1);
	was = pick(ROLE_POST, NOW);
	is_int(relays_turn(s, NOW, NOW + MP_DAY), 0, "no receipt came, and there is one relay");
	is_int(with(ROLE_POST, NOW + MP_DAY, &is), 1, "... one is posted to");
	is_int(is, was, "... still this");
	add(1, 5);
	is_int(relays_turn(s, NOW - 1, NOW + MP_DAY), 0, "who has the role for less");
	is_int(pick(ROLE_POST, NOW + MP_DAY), was, "... keeps it");
	is_int(relays_turn(s, NOW, NOW + MP_DAY), 0, "who has it for so long");
	is_int(with(ROLE_POST, NOW + MP_DAY, &is), 1, "... gives it to one");
	ok(is != was, "... which is another");
	is_int(get(was).role, ROLE_NONE, "... and has none");
	is_int(get(was).wrong, 0, "... without blame");
	is_int(relays_turn(s, NOW, NOW + MP_DAY), 0, "and the other, at once");
	is_int(pick(ROLE_POST, NOW + MP_DAY), is, "... stays");
	is_int(
	    with(ROLE_POST, NOW + 7 * MP_DAY + 1, &was), 1, "it is posted to for a week from then");
}

/* Two that were posted to: both go, and one comes. */
static void test_two(void)
{
	struct meshserver v;
	int64_t first, second, is = 0;

	MUST(sql_exec(s, "DELETE FROM meshserver", ""));
	add(0, 6);
	first = pick(ROLE_POST, NOW);
	MUST(relays_pick(s, ROLE_POST, &first, 1, NOW, &v));
	second = v.row;
	is_int(with(ROLE_POST, NOW, &is), 2, "the second try had another one");
	is_int(relays_turn(s, NOW, NOW + MP_DAY), 0, "no receipt came from either");
	is_int(with(ROLE_POST, NOW + MP_DAY, &is), 1, "... one is posted to");
	ok(is != first && is != second, "... which is neither");
}

static void test_judged(void)
{
	struct meshserver v;
	int64_t row = 0;

	MUST(sql_exec(s, "DELETE FROM meshserver", ""));
	add(0, 3);
	v = get(pick(ROLE_POST, NOW));
	MUST(relays_judge(s, &v, SAID_NOTHING, NOW));
	is_int(get(v.row).role, ROLE_NONE, "who does not answer is posted to no more");
	is_int(get(v.row).retry - NOW, 30 * MP_SECOND, "... and left alone for half a minute");
	ok(pick(ROLE_POST, NOW) != v.row, "... the next one is");
	for (int i = 0; i < 20; i++)
		MUST(relays_judge(s, &v, SAID_NOTHING, NOW));
	is_int(get(v.row).retry - NOW, MP_HOUR, "... in the end for an hour");
	MUST(relays_judge(s, &v, SAID_RIGHT, NOW));
	is_int(get(v.row).retry, 0, "an answer makes that good");
	v = get(pick(ROLE_FETCH, NOW));
	MUST(relays_judge(s, &v, SAID_WRONG, NOW));
	MUST(relays_judge(s, &v, SAID_RIGHT, NOW));
	is_int(get(v.row).wrong, 3, "a wrong answer counts four, a right one takes one away");
	ok(!relays_out(&v), "... and is not enough");
	MUST(relays_judge(s, &v, SAID_WRONG, NOW));
	MUST(relays_judge(s, &v, SAID_WRONG, NOW));
	ok(relays_out(&v), "three are");
	is_int(get(v.row).role, ROLE_NONE, "... it has no role");
	is_int(with(ROLE_FETCH, NOW, &row), 0, "... and nobody has it");
}

/* Nothing that a relay knew of the old address is said to it of the new one. */
static void test_reset(void)
{
	struct meshserver was, now;

	MUST(sql_exec(s, "DELETE FROM meshserver", ""));
	add(0, 3);
	MUST(relays_pick(s, ROLE_FETCH, NULL, 0, NOW, &was));
	was.cursor = 77;
	was.tokens = 88;
	MUST(meshserver_update(s, &was));
	is_int(pick(ROLE_FETCH, NOW), was.row, "one is fetched from");
	MUST(meshserver_reset(s));
	is_int(get(was.row).role, ROLE_NONE, "with a new address nobody is");
	do {
		MUST(relays_pick(s, ROLE_FETCH, NULL, 0, NOW, &now));
		if (now.row != was.row) {
			now.role = ROLE_NONE;
			MUST(meshserver_update(s, &now));
		}
	} while (now.row != was.row);
	is_int(now.cursor, 0, "the same one is asked from the start");
	is_int(now.tokens, 0, "... told all tokens");
	ok(memcmp(now.isolation, was.isolation, sizeof(now.isolation)) != 0,
	    "... on another circuit");
}

/* While a relay is asked, another process gives it a role, or our address changes. */
static void test_meanwhile(void)
{
	struct meshserver was, is;

	MUST(sql_exec(s, "DELETE FROM meshserver", ""));
	add(0, 1);
	MUST(meshserver_next(s, &was, 0));
	is_int(pick(ROLE_POST, NOW), was.row, "it is posted to since it was asked for its load");
	was.load = 3;
	was.asked = NOW;
	MUST(meshserver_set_load(s, &was));
	is = get(was.row);
	ok(is.role == ROLE_POST && is.load == 3 && is.asked == NOW,
	    "... and still is when it has said it");
	MUST(relays_judge(s, &was, SAID_RIGHT, NOW));
	is_int(get(was.row).role, ROLE_POST, "... and when it is judged");
	ok(memcmp(get(was.row).isolation, is.isolation, sizeof(is.isolation)) == 0,
	    "... by the same circuit");
	MUST(meshserver_remove(s, was.onion));
	is_int(relays_judge(s, &was, SAID_WRONG, NOW), 0, "one that was removed is not judged");
	is_int(meshserver_get(s, &is, was.onion), MP_ENONE, "... and does not come back");

	add(0, 3);
	MUST(relays_pick(s, ROLE_FETCH, NULL, 0, NOW, &was));
	was.cursor = 5;
	MUST(meshserver_set_cursor(s, &was));
	MUST(meshserver_set_tokens(s, &was, 9));
	ok(get(was.row).cursor == 5 && get(was.row).tokens == 9, "it has pages and tokens");
	MUST(meshserver_retoken(s));
	is_int(meshserver_set_tokens(s, &was, 10), MP_ENONE, "a contact is new since");
	was = get(was.row);
	MUST(meshserver_retoken(s));
	is_int(meshserver_set_tokens(s, &was, 10), MP_ENONE, "... or another, from the start");
	ok(get(was.row).tokens <= 0, "... and all are registered again");
	was = get(was.row);
	is_int(meshserver_set_tokens(s, &was, 11), 0, "... then");
	MUST(meshserver_reset(s));
	was.cursor = 77;
	MUST(meshserver_set_cursor(s, &was));
	is_int(meshserver_set_tokens(s, &was, 12), MP_ENONE, "our address is new since");
	MUST(relays_judge(s, &was, SAID_RIGHT, NOW));
	is = get(was.row);
	ok(is.cursor == 0 && is.tokens == 0 && is.role == ROLE_NONE,
	    "... and it is a relay like any other");
}

int main(void)
{
	s = home_store();
	test_roles();
	test_turn();
	test_two();
	test_judged();
	test_reset();
	test_meanwhile();
	store_close(s);
	return done();
}
