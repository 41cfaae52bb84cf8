/*
 * What a hostile member of a group can do: spoil his own place in it, and be told about.  The group
 * is alice's, with us, carol and mallory; dave and frank are contacts who are not in it, eve
 * nobody.
 */
#include "plans.h"

static struct peer alice, carol, mallory, dave, eve, frank;
static uint8_t group[32];

/* How far somebody's chain in a group has come. */
struct voice {
	int64_t n;
	uint8_t h[32];
};
static struct voice carols, mallorys;

static void hash_members(uint8_t out[32], const uint8_t id[32])
{
	uint8_t all[4][32];

	memcpy(all[0], w.self->key, 32);
	memcpy(all[1], alice.id->key, 32);
	memcpy(all[2], carol.id->key, 32);
	memcpy(all[3], mallory.id->key, 32);
	chain_members(out, id, (const uint8_t(*)[32])all, 4);
}

/* The next message of p in that group. */
static struct wire say(
    const struct peer *p, const uint8_t id[32], struct voice *v, const char *text)
{
	struct wire m = wire_make(WIRE_MESSAGE);
	struct wire_chain *c = &m.u.message.chain;
	uint8_t content[32];

	m.body = (const uint8_t *)text;
	m.blen = strlen(text);
	chain_content_message(content, m.body, m.blen);
	chain_next(v->h, v->h, id, p->id->key, ++v->n, content);
	c->grouped = true;
	memcpy(c->group, id, 32);
	c->n = v->n;
	memcpy(c->h, v->h, 32);
	hash_members(c->members, id);
	return m;
}

static void claims(struct wire *m, const uint8_t onion[32], int64_t n, uint8_t each)
{
	struct wire_seen *s = &m->u.message.chain.seen[m->u.message.chain.nseen++];

	memcpy(s->member, onion, 8);
	s->n = n;
	memset(s->h, each, 32);
}

static long long rows(const char *from)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", from);
	return world_count(&w, sql);
}

static long long texts(const struct peer *from)
{
	char sql[100];

	snprintf(
	    sql, sizeof(sql), "message WHERE dir = 0 AND contact = %lld", (long long)from->row);
	return rows(sql);
}

static long long owed(const char *kind, const struct peer *to)
{
	char sql[120];

	snprintf(sql, sizeof(sql), "owed WHERE kind = '%s' AND contact = %lld", kind,
	    (long long)to->row);
	return rows(sql);
}

/* The group as we have it. */
static struct chat chat(void)
{
	struct flow f;

	need(state_of(FLOW_CHAT, NULL, PLAN_GROUP, group, &f) >= 0, "the group");
	return f.u.chat;
}

static int members(void)
{
	struct chat c = chat();

	return (int)chat_size(&c);
}

static struct wire group_request(const uint8_t id[32])
{
	struct wire m = about(WIRE_GROUP_CHAT_REQUEST, id);

	add_person(&m.u.plan.people, alice.id->key, NULL);
	add_person(&m.u.plan.people, w.self->key, "bob");
	add_person(&m.u.plan.people, carol.id->key, "carol");
	add_person(&m.u.plan.people, mallory.id->key, "mallory");
	return m;
}

static struct wire addition(const uint8_t id[16], const struct peer *who)
{
	struct wire m = about(WIRE_GROUP_ADDITION_REQUEST, id);
	struct wire r = group_request(group);

	memcpy(m.u.plan.group, group, 32);
	hash_members(m.u.plan.base, group);
	m.u.plan.people = r.u.plan.people;
	add_person(&m.u.plan.prospective, who->id->key, "dave");
	return m;
}

static struct wire addition_status(const uint8_t id[16], enum plan_status s)
{
	struct wire m = status_of(WIRE_GROUP_ADDITION_STATUS_RESPONSE, id, s),
	            r = addition(id, &dave);

	memcpy(m.u.plan.group, group, 32);
	if (s == STATUS_ACCEPTED) {
		m.u.plan.people = r.u.plan.people;
		for (size_t i = 0; i < m.u.plan.people.n; i++)
			m.u.plan.people.person[i].nickname = NULL;
		add_person(&m.u.plan.people, dave.id->key, NULL);
	}
	return m;
}

/* ---- the group begins ---- */

static void begin(void)
{
	struct wire m = group_request(group);

	taken("a request", &alice, &m);
	again("once more", &alice, m);
	randombytes_buf(m.id, sizeof(m.id));
	m.u.plan.people.n = 3;
	refused("other people under its id", &alice, &m);
	m = group_request(group);
	refused("the same group from somebody else in it", &mallory, &m);
	m = status_of(WIRE_GROUP_CHAT_STATUS_RESPONSE, group, STATUS_ACCEPTED);
	refused("it begins before we accepted", &alice, &m);
	is_int(decides(&alice, PLAN_GROUP, group, true), 0, "our person accepts");
	refused("another member says that it begins", &mallory, &m);
	m = status_of(WIRE_GROUP_CHAT_STATUS_RESPONSE, group, STATUS_CANCELLED);
	no_change("or that it is off", &mallory, &m, RECEIVED_TAKEN);
	m = answer_to(WIRE_GROUP_CHAT_RESPONSE, group, ANSWER_ACCEPT);
	refused("an answer that is not for us", &mallory, &m);
	m = about(WIRE_GROUP_CHAT_STATUS_REQUEST, group);
	refused("a question that is not for us", &mallory, &m);
	m = status_of(WIRE_GROUP_CHAT_STATUS_RESPONSE, group, STATUS_ACCEPTED);
	taken("its initiator says that it begins", &alice, &m);
	again("once more", &alice, m);
	m = status_of(WIRE_GROUP_CHAT_STATUS_RESPONSE, group, STATUS_CANCELLED);
	again("that it is off, after that", &alice, m);
	is_int(members(), 4, "four are in it");
	told("group-chat-started", 1, "which our person is told");
}

/* Whoever says that a group began which we did not accept. */
static void never_accepted(void)
{
	struct wire m, yes;
	uint8_t id[32];
	long long chats = rows("flow WHERE kind = 3"), exits = owed("notice-of-group-exit", &carol);

	for (int cancelled = 0; cancelled < 2; cancelled++) {
		randombytes_buf(id, sizeof(id));
		m = group_request(id);
		taken("a request", &alice, &m);
		if (cancelled) {
			m = status_of(WIRE_GROUP_CHAT_STATUS_RESPONSE, id, STATUS_CANCELLED);
			taken("it is off", &alice, &m);
		} else {
			is_int(decides(&alice, PLAN_GROUP, id, false), 0, "we decline");
		}
		yes = status_of(WIRE_GROUP_CHAT_STATUS_RESPONSE, id, STATUS_ACCEPTED);
		again("it begins all the same, says alice", &alice, yes);
	}
	is_int(rows("flow WHERE kind = 3"), chats, "we are in no group that we did not accept");
	is_int(owed("notice-of-group-exit", &carol), exits, "and leave none");
}

/* ---- what is said ---- */

static void speaks(void)
{
	struct wire m = say(&carol, group, &carols, "hello"), other;
	struct voice copy;
	struct chat c;

	taken("carol's message", &carol, &m);
	no_change("once more", &carol, &m, RECEIVED_TAKEN);
	is_int(texts(&carol), 1, "is there once");
	m = say(&mallory, group, &mallorys, "hello");
	taken("mallory's", &mallory, &m);
	other = m;
	other.body = (const uint8_t *)"other";
	randombytes_buf(other.id, sizeof(other.id));
	is_int(sends(&mallory, &other), RECEIVED_REFUSED, "two things at once are refused");
	told("group-split", 1, "and our person is told of it");
	randombytes_buf(other.id, sizeof(other.id));
	refused("but once", &mallory, &other);
	is_int(texts(&mallory), 1, "one of them is there");
	c = chat();
	ok(c.m[chat_find(&c, mallory.id->key)].split && !c.m[chat_find(&c, carol.id->key)].split,
	    "carol has no part in it");
	m = say(&dave, group, (copy = carols, &copy), "let me in");
	refused("a message of one who is no member", &dave, &m);
	m = wire_make(WIRE_PING);
	m.u.ping.grouped = true;
	memcpy(m.u.ping.group, group, 32);
	refused("his ping", &dave, &m);
	taken("a member's ping", &carol, &m);
	randombytes_buf(m.u.ping.group, 32);
	refused("of a group that we are not in", &carol, &m);
	m = wire_make(WIRE_FILE);
	m.u.file.name = "x";
	m.u.file.size = 1;
	m.u.file.chunks = 1;
	m.u.file.step = FILE_STEP;
	m.u.file.has_hash = true;
	memset(m.id + 12, 0, 4);
	m.u.file.chain = say(&dave, group, (copy = carols, &copy), "x").u.message.chain;
	refused("his file", &dave, &m);
}

/* Out of another group that both of us are in. */
static void replays(void)
{
	struct voice there = {0};
	uint8_t other[32];
	struct wire m;

	randombytes_buf(other, sizeof(other));
	m = group_request(other);
	need(sends(&alice, &m) == RECEIVED_TAKEN && decides(&alice, PLAN_GROUP, other, true) == 0,
	    "another group");
	m = status_of(WIRE_GROUP_CHAT_STATUS_RESPONSE, other, STATUS_ACCEPTED);
	need(sends(&alice, &m) == RECEIVED_TAKEN, "begins");
	m = say(&carol, other, &there, "elsewhere");
	taken("a message there", &carol, &m);
	memcpy(m.u.message.chain.group, group, 32);
	hash_members(m.u.message.chain.members, group);
	no_change("the same here, under its id", &carol, &m, RECEIVED_TAKEN);
	randombytes_buf(m.id, sizeof(m.id));
	is_int(sends(&carol, &m), RECEIVED_REFUSED, "under another: she said something else at 1");
	told("group-split", 2, "which our person is told");
	there = (struct voice){.n = 1};
	m = say(&alice, other, &there, "elsewhere");
	memcpy(m.u.message.chain.group, group, 32);
	hash_members(m.u.message.chain.members, group);
	(void)sends(&alice, &m);
	is_int(chat().m[0].n, 2, "a chain that begins elsewhere leads on");
	ok(chat().m[0].first == 1 && chat().m[0].last == 1, "and lacks what came before");
	is_int(owed("group-resend-request", &alice), 1, "for which alice is asked");
	is_int(chat().n, 0, "nothing of it is ours");
}

/* What he says that others said. */
static void claims_of_others(void)
{
	struct wire m = say(&mallory, group, &mallorys, "carol said more");
	struct chat c;
	int at;

	claims(&m, carol.id->key, ((int64_t)1 << 53) - 1, 9);
	claims(&m, alice.id->key, 1, 9);
	claims(&m, w.self->key, 1, 9);
	claims(&m, eve.id->key, 1, 9);
	taken("claims about all of them", &mallory, &m);
	c = chat();
	at = chat_find(&c, carol.id->key);
	ok(c.m[at].n == 1 && c.m[at].claimed > 1, "are claims");
	is_int(owed("group-resend-request", &carol), 1, "carol is asked once");
	is_int(
	    owed("message", &carol) + owed("message", &mallory), 0, "nobody gets anything for it");
	m = say(&carol, group, &carols, "no, that was all");
	taken("carol goes on", &carol, &m);
	is_int(chat().m[at].n, 2, "as before");
	for (int i = 0; i < 5; i++)
		need(planning_tick(w.s, &w.cfg, clock_now() + (2 + i) * MP_DAY) == 0, "time");
	ok(rows("owed WHERE kind = 'group-resend-request'") <= 3, "a request a member, at most");
	told("group-gap", 0, "what only he claimed is no loss");
}

static void jumps(void)
{
	struct voice far = {.n = ((int64_t)1 << 53) - 3};
	struct wire m = say(&mallory, group, &far, "far");
	long long entries = rows("entry"), mine;

	taken("a counter that jumps", &mallory, &m);
	is_int(rows("entry"), entries - 1, "is one message, and forgets his own before it");
	mine = owed("group-resend-request", &mallory);
	is_int(mine, 1, "and one request");
	m = say(&mallory, group, &far, "last");
	taken("the last counter there is", &mallory, &m);
	mallorys = far;
}

static void asks_again(void)
{
	struct wire m = about(WIRE_GROUP_CHAT_STATUS_REQUEST, group);
	struct wire_chain chain;
	struct keeper k;
	struct flow f;
	uint8_t id[16], content[32] = {1};

	open_keeper(&k);
	need(plan_find(&k.p, &f, FLOW_CHAT, 0, PLAN_GROUP, group) == 0, "the group");
	for (int i = 0; i < 100; i++) {
		randombytes_buf(id, sizeof(id));
		need(talk_say(&k.p, &f, id, content, &chain) == 0, "say");
	}
	close_keeper(0);
	m.type = WIRE_GROUP_RESEND_REQUEST;
	m.u.plan.first = 1;
	m.u.plan.last = 1000;
	refused("all of ours for one who is no member", &dave, &m);
	taken("for a member", &mallory, &m);
	is_int(owed("message", &mallory), CHAT_RESEND, "so many at a time");
	is_int(owed("message", &carol), 0, "to nobody else");
	again("asked for again and again", &mallory, m);
	m.u.plan.first = ((int64_t)1 << 53) - 9;
	m.u.plan.last = m.u.plan.first + 5;
	again("what we did not say yet", &mallory, m);
}

/* ---- who is in it ---- */

static void adds(void)
{
	long long asked = events("group-addition-request");
	struct wire m;
	uint8_t id[16];
	struct chat c;

	randombytes_buf(id, sizeof(id));
	m = addition(id, &eve);
	refused("an addition by one who is no member", &dave, &m);
	m.u.plan.people.n = 3;
	refused("by a member who does not count himself in", &mallory, &m);
	m = addition(id, &eve);
	randombytes_buf(m.u.plan.group, 32);
	refused("to a group that we are not in", &mallory, &m);
	m = addition(id, &dave);
	m.u.plan.people.person[1] = m.u.plan.people.person[3];
	m.u.plan.people.n = 3;
	memcpy(m.u.plan.prospective.person[0].onion, w.self->key, 32);
	refused("of ourselves", &mallory, &m);

	m = addition(id, &dave);
	m.u.plan.people.person[2] = m.u.plan.people.person[3];
	m.u.plan.people.n = 3;
	taken("one that leaves carol out is busy", &mallory, &m);
	told("group-addition-request", asked, "nobody need know");
	m = addition_status(id, STATUS_ACCEPTED);
	again("it is accepted, says mallory", &mallory, m);
	is_int(members(), 4, "we did not, and count nobody in");

	randombytes_buf(id, sizeof(id));
	m = addition(id, &dave);
	taken("a right one", &mallory, &m);
	told("group-addition-request", asked + 1, "our person is asked");
	m = addition_status(id, STATUS_ACCEPTED);
	refused("accepted before we were", &mallory, &m);
	is_int(decides(&mallory, PLAN_ADDITION, id, false), 0, "declined");
	again("accepted all the same, says mallory", &mallory, m);
	is_int(members(), 4, "we did not");

	randombytes_buf(id, sizeof(id));
	m = addition(id, &dave);
	taken("another", &mallory, &m);
	m = addition_status(id, STATUS_CANCELLED);
	no_change("carol says that it is off", &carol, &m, RECEIVED_TAKEN);
	taken("mallory does", &mallory, &m);
	m = addition_status(id, STATUS_ACCEPTED);
	again("and then that it is not", &mallory, m);
	c = chat();
	ok(members() == 4 && chat_find(&c, dave.id->key) < 0, "we count nobody in");
}

static void leaves(void)
{
	struct wire m = about(WIRE_GROUP_CHAT_STATUS_REQUEST, group);
	struct chat c;

	m.type = WIRE_NOTICE_OF_GROUP_EXIT;
	m.u.plan.n = 1;
	refused("an exit of one who is no member", &frank, &m);
	m.u.plan.n = mallorys.n;
	taken("an exit", &mallory, &m);
	again("once more", &mallory, m);
	m.u.plan.n = 1;
	again("with another end", &mallory, m);
	c = chat();
	ok(c.m[chat_find(&c, mallory.id->key)].gone && !c.m[chat_find(&c, carol.id->key)].gone,
	    "is his own");
	m = wire_make(WIRE_PING);
	m.u.ping.grouped = true;
	memcpy(m.u.ping.group, group, 32);
	refused("he is not in it any more", &mallory, &m);
	m = about(WIRE_GROUP_CHAT_STATUS_REQUEST, group);
	m.type = WIRE_GROUP_RESEND_REQUEST;
	m.u.plan.first = 1;
	m.u.plan.last = 5;
	refused("and gets nothing again", &mallory, &m);
}

/* ---- our own proposal ---- */

static void create(uint8_t id[32])
{
	struct known who[2];
	struct contact c;
	struct keeper k;
	struct flow f;

	open_keeper(&k);
	need(contact_by_row(w.s, &c, carol.row) == 0, "carol");
	keeper_known(&who[0], &c);
	need(contact_by_row(w.s, &c, mallory.row) == 0, "mallory");
	keeper_known(&who[1], &c);
	need(group_create(&k.p, &f, "mine", who, 2) == 0, "create");
	close_keeper(0);
	memcpy(id, f.u.proposal.id, 32);
}

static struct wire petition(const uint8_t id[32], const struct peer *whom)
{
	struct wire m = wire_make(WIRE_INTRODUCTION_PETITION);

	randombytes_buf(m.u.plan.introduction, 16);
	memcpy(m.u.plan.group, id, 32);
	add_person(&m.u.plan.people, whom->id->key, NULL);
	return m;
}

static void petitions(const uint8_t id[32])
{
	enum plan_status answer = STATUS_PENDING;
	int status[600] = {0};
	long long flows;
	struct wire m;

	m = petition(id, &dave);
	is_int(sends_for(&mallory, &m, &answer), RECEIVED_REPLY,
	    "a petition for one who is not in it");
	is_int(answer, STATUS_NONE, "is declined");
	m = petition(id, &carol);
	is_int(sends_for(&dave, &m, &answer), RECEIVED_REPLY, "one of somebody who is not in it");
	is_int(answer, STATUS_NONE, "is, too");
	taken("one for a member", &mallory, &m);
	is_int(sends_for(&carol, &m, &answer), RECEIVED_REPLY, "under the same id of another");
	is_int(answer, STATUS_NONE, "declined");
	flows = rows("flow");
	for (int i = 0; i < 100; i++) {
		m = petition(id, &carol);
		status[sends(&mallory, &m)]++;
	}
	ok(status[RECEIVED_QUOTA] > 80 && rows("flow") < flows + 16, "a hundred are too many");
	/* Declined unattended, each makes room for the next. */
	snprintf(w.cfg.introduction_policy, sizeof(w.cfg.introduction_policy), "decline");
	for (int i = 0; i < 200; i++) {
		need(planning_tick(w.s, &w.cfg, clock_now()) == 0, "policy");
		m = petition(id, &carol);
		status[sends(&mallory, &m)]++;
	}
	ok(rows("flow") <= flows + PLANS_MAX, "but not for more than one may have: %lld",
	    rows("flow") - flows);
}

static void answers_for_others(void)
{
	enum plan_status said = STATUS_NONE;
	uint8_t id[32];
	struct dump before;
	struct wire m;

	create(id);
	m = answer_to(WIRE_GROUP_CHAT_RESPONSE, id, ANSWER_ACCEPT);
	refused("an answer of one who was not asked", &dave, &m);
	refused("of another", &alice, &m);
	taken("mallory accepts", &mallory, &m);
	(void)sends(&mallory, &m);
	randombytes_buf(m.id, sizeof(m.id));
	(void)sends(&mallory, &m);
	is_int(state_of(FLOW_PROPOSAL, NULL, PLAN_GROUP, id, NULL), PROPOSAL_OPEN,
	    "three times is not for carol, too");
	m = about(WIRE_GROUP_CHAT_STATUS_REQUEST, id);
	refused("a question of one who was not asked", &dave, &m);
	m.u.plan.has_seen = true;
	m.u.plan.seen = STATUS_ACCEPTED;
	before = still();
	is_int(sends_for(&mallory, &m, &said), RECEIVED_REPLY, "he has seen that it began");
	is_int(said, STATUS_PENDING, "it has not");
	is_str(still().hex, before.hex, "and nothing changes");
	petitions(id);
	m = answer_to(WIRE_GROUP_CHAT_RESPONSE, id, ANSWER_ACCEPT);
	taken("carol accepts", &carol, &m);
	is_int(state_of(FLOW_PROPOSAL, NULL, PLAN_GROUP, id, NULL), PROPOSAL_CARRIED, "it begins");
	m = answer_to(WIRE_GROUP_CHAT_RESPONSE, id, ANSWER_DECLINE);
	before = still();
	is_int(sends_for(&mallory, &m, &said), RECEIVED_REPLY, "mallory declines after all");
	is_int(said, STATUS_ACCEPTED, "it has begun");
	is_str(still().hex, before.hex, "and nothing changes");
}

/* ---- two who change the group at once ---- */

/* The addition that we have under way: its id and its state. */
static int our_addition(uint8_t id[16], int64_t *tries)
{
	struct keeper k;
	struct flow f;
	long long row = world_count(&w, "SELECT max(id) FROM flow WHERE kind = 0");

	open_keeper(&k);
	need(k.p.load(&k, &f, row) == 0 && f.u.proposal.plan == PLAN_ADDITION, "our addition");
	close_keeper(0);
	memcpy(id, f.u.proposal.id, 16);
	*tries = f.u.proposal.tries;
	return flow_state(&f);
}

static struct wire addition_answer(const uint8_t id[16], enum plan_answer answer)
{
	struct wire m = answer_to(WIRE_GROUP_ADDITION_RESPONSE, id, answer);

	memcpy(m.u.plan.group, group, 32);
	return m;
}

static void both_at_once(void)
{
	long long cancelled = events("group-addition-cancelled");
	uint8_t id[16], theirs[16], again[16];
	struct flow f, chat_flow;
	struct contact c;
	struct known who;
	struct keeper k;
	struct wire m;
	struct chat now;
	int64_t tries;

	open_keeper(&k);
	need(contact_by_row(w.s, &c, frank.row) == 0, "frank");
	keeper_known(&who, &c);
	need(plan_find(&k.p, &chat_flow, FLOW_CHAT, 0, PLAN_GROUP, group) == 0 &&
	         group_add(&k.p, &chat_flow, &f, &who, 1) == 0,
	    "add");
	close_keeper(0);
	is_int(our_addition(id, &tries), PROPOSAL_OPEN, "we add frank");
	randombytes_buf(theirs, sizeof(theirs));
	m = addition(theirs, &dave);
	m.u.plan.people.n = 3; /* mallory has left */
	taken("carol adds dave meanwhile", &carol, &m);
	is_int(state_of(FLOW_CONSENT, &carol, PLAN_ADDITION, theirs, &f), CONSENT_DECLINED,
	    "which we decline");
	is_int(f.u.consent.answer, ANSWER_BUSY, "for we are busy");
	m = addition_answer(id, ANSWER_BUSY);
	taken("and she is", &carol, &m);
	is_int(our_addition(id, &tries), PROPOSAL_CANCELLED, "ours is off");
	told("group-addition-cancelled", cancelled, "which nobody need know");
	need(planning_tick(w.s, &w.cfg, clock_now() + 30) == 0, "time");
	is_int(our_addition(id, &tries), PROPOSAL_CANCELLED, "for a moment");
	need(planning_tick(w.s, &w.cfg, clock_now() + 11 * MP_MINUTE) == 0, "time");
	is_int(our_addition(again, &tries), PROPOSAL_OPEN, "some minutes later it is made again");
	ok(tries == 1 && memcmp(id, again, sizeof(id)) != 0, "as another one");
	m = addition_answer(id, ANSWER_ACCEPT);
	is_int(sends(&alice, &m), RECEIVED_REPLY, "who accepts the first one is told");
	m = addition_answer(again, ANSWER_ACCEPT);
	taken("alice accepts", &alice, &m);
	m = addition_answer(again, ANSWER_ACCEPT);
	taken("carol accepts", &carol, &m);
	now = chat();
	ok(chat_find(&now, frank.id->key) < 0, "frank is not in it before he accepts");
	m = addition_answer(again, ANSWER_ACCEPT);
	taken("frank accepts", &frank, &m);
	now = chat();
	ok(chat_find(&now, frank.id->key) >= 0 && chat_find(&now, dave.id->key) < 0,
	    "then he is, and dave is not");
}

/* ---- a flood ---- */

static void flood(void)
{
	int status[600] = {0};
	long long flows = rows("flow");
	struct wire m;
	uint8_t id[32];

	for (int i = 0; i < 200; i++) {
		randombytes_buf(id, sizeof(id));
		m = group_request(id);
		status[sends(&mallory, &m)]++;
	}
	ok(status[RECEIVED_QUOTA] > 100 && rows("flow") <= flows + PLANS_MAX,
	    "200 requests are too many");
	randombytes_buf(id, sizeof(id));
	m = group_request(id);
	taken("others are not kept out", &carol, &m);
}

int main(void)
{
	world_open(&w);
	known(&alice, "alice");
	known(&carol, "carol");
	known(&mallory, "mallory");
	known(&dave, "dave");
	known(&frank, "frank");
	peer_new(&w, &eve);
	randombytes_buf(group, sizeof(group));
	begin();
	never_accepted();
	speaks();
	replays();
	claims_of_others();
	adds();
	asks_again();
	jumps();
	leaves();
	both_at_once();
	answers_for_others();
	flood();
	world_close();
	return done();
}
