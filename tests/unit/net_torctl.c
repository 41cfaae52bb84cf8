/* tor's control port, played by a script: orders, answers, events, and ends that misbehave. */
#include <sys/stat.h>
#include <sys/un.h>

#include "base/base64.h"
#include "base/text.h"
#include "net/torctl.h"
#include "net.h"
#include "tap.h"

/*
 * The script is a list of pairs: the order that must come (its beginning), and the answer to it.
 * NULL for the answer: none, the connection stays open; "" closes it.
 */
struct step {
	const char *want, *answer;
};

static struct {
	int fd, steps;
	struct step step[8];
	char got[8][600];
	atomic_int at;
	bool slow, split;
	pthread_t thread;
} fake;
static char where[200], cookie[128];
static const char *ok_auth = "250 OK\r\n";

static bool read_order(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && recv(fd, line + n, 1, 0) == 1)
		if (line[n++] == '\n') {
			line[n] = '\0';
			return true;
		}
	return false;
}

static void *play(void *ctx)
{
	char line[600];
	int fd = accept4(fake.fd, NULL, NULL, SOCK_CLOEXEC);

	(void)ctx;
	for (int i = 0; i < fake.steps && read_order(fd, line, sizeof(line)); i++) {
		const char *answer = fake.step[i].answer;

		snprintf(fake.got[i], sizeof(fake.got[i]), "%s", line);
		atomic_fetch_add(&fake.at, 1);
		if (answer != NULL && *answer == '\0')
			break;
		for (; answer != NULL && *answer != '\0' && fake.slow; answer++)
			send_bytes(fd, answer, 1);
		if (answer != NULL && fake.split && strlen(answer) > 100) {
			send_bytes(fd, answer, 100);
			poll(NULL, 0, 50);
			answer += 100;
		}
		if (answer != NULL)
			send_bytes(fd, answer, strlen(answer));
		if (answer == NULL)
			read_order(fd, line, sizeof(line)); /* until the other end goes */
	}
	if (fake.step[fake.steps - 1].answer != NULL && *fake.step[fake.steps - 1].answer != '\0')
		while (read_order(fd, line, sizeof(line)))
			;
	close(fd);
	return NULL;
}

static void script(const struct step *steps, int n)
{
	fake.steps = n;
	memcpy(fake.step, steps, (size_t)n * sizeof(*steps));
	memset(fake.got, 0, sizeof(fake.got));
	atomic_store(&fake.at, 0);
	pthread_create(&fake.thread, NULL, play, NULL);
}
#define SCRIPT(...)                          \
	script((struct step[]){__VA_ARGS__}, \
	    (int)(sizeof((struct step[]){__VA_ARGS__}) / sizeof(struct step)))

/* Every order came, in turn, as one line. */
static void played(const char *name)
{
	int good = 1;

	pthread_join(fake.thread, NULL);
	for (int i = 0; i < fake.steps; i++) {
		good =
		    good && strncmp(fake.got[i], fake.step[i].want, strlen(fake.step[i].want)) == 0;
		if (!good)
			printf("# got '%s', want '%s'\n", fake.got[i], fake.step[i].want);
	}
	ok(good, "%s: the orders", name);
}

static struct torctl *open_ok(void)
{
	struct torctl *t;

	if (torctl_open(&t, where, cookie) != 0)
		die(err_detail());
	return t;
}

static void test_open(void)
{
	struct torctl *t;
	char hex[80] = "AUTHENTICATE ", absent[160];
	uint8_t bytes[32];

	is_int(torctl_open(&t, "127.0.0.1:1", cookie), MP_ETEMP, "nobody there yet is temporary");
	snprintf(absent, sizeof(absent), "unix:%s/absent", test_dir);
	is_int(torctl_open(&t, absent, cookie), MP_ETEMP, "nor a socket");
	is_int(torctl_open(&t, "localhost:9051", cookie), MP_EUSAGE, "a name is refused");
	for (int i = 0; i < 32; i++)
		bytes[i] = (uint8_t)(i * 7);
	snprintf(cookie, sizeof(cookie), "%s", test_file("cookie", bytes, 32));
	hex_encode(hex + 13, bytes, 32);
	strcat(hex, "\r\n");
	SCRIPT({hex, ok_auth});
	is_int(torctl_open(&t, where, cookie), 0, "the cookie is given in hex");
	ok(torctl_fd(t) >= 0, "a descriptor to wait for");
	torctl_close(t);
	played("authenticate");
	SCRIPT({"AUTHENTICATE\r\n", ok_auth});
	is_int(torctl_open(&t, where, NULL), 0, "or none");
	torctl_close(t);
	played("no cookie");
	SCRIPT({"AUTHENTICATE ", "515 Authentication failed: Wrong length on cookie.\r\n"});
	is_int(torctl_open(&t, where, cookie), MP_ESYS, "a refusal is permanent");
	ok(strstr(err_detail(), "515") != NULL, "and told: %s", err_detail());
	played("refused");
	SCRIPT({"AUTHENTICATE ", ""});
	is_int(torctl_open(&t, where, cookie), MP_ETEMP, "a closed connection is not");
	played("closed");
}

static void test_cookie(void)
{
	struct torctl *t;

	/* No order is sent with a cookie that is none: nobody else's file goes to the port. */
	SCRIPT({"", ""});
	is_int(torctl_open(&t, where, test_file("short", "abc", 3)), MP_ESYS, "a short cookie");
	pthread_join(fake.thread, NULL);
	is_int(atomic_load(&fake.at), 0, "is not sent");
	SCRIPT({"", ""});
	is_int(torctl_open(&t, where, test_file("long", "0123456789abcdef0123456789abcdef\n", 33)),
	    MP_ESYS, "nor a file that is longer");
	pthread_join(fake.thread, NULL);
	is_int(atomic_load(&fake.at), 0, "is sent");
	SCRIPT({"", ""});
	is_int(torctl_open(&t, where, test_file("missing", NULL, 0)), MP_ETEMP,
	    "a missing one may come");
	pthread_join(fake.thread, NULL);
}

static void test_bootstrap(void)
{
	struct torctl *t;
	char summary[64], tiny[5];
	int percent;

	SCRIPT({"AUTHENTICATE ", ok_auth},
	    {"GETINFO status/bootstrap-phase\r\n",
	        "250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=75 TAG=enough_dirinfo "
	        "SUMMARY=\"Loaded \\\"enough\\\" info\"\r\n250 OK\r\n"},
	    {"GETINFO status/bootstrap-phase\r\n",
	        "650 HS_DESC UPLOAD x\r\n650+NS\r\n250 OK\r\nr x\r\n.\r\n650 OK\r\n"
	        "250-status/bootstrap-phase=NOTICE BOOTSTRAP PROGRESS=100 TAG=done "
	        "SUMMARY=\"Done\"\r\n650 NOTICE x\r\n250 OK\r\n"},
	    {"GETINFO ", "250-status/bootstrap-phase=WARN BOOTSTRAP PROGRESS=999999999999999999999 "
	                 "TAG=x SUMMARY=\"no end\r\n250 OK\r\n"},
	    {"GETINFO ", "552 Unrecognized key\r\n"}, {"GETINFO ", "250 OK\r\n"});
	t = open_ok();
	is_int(torctl_bootstrap(t, &percent, summary, sizeof(summary)), 0, "how far");
	is_int(percent, 75, "75 %");
	is_str(summary, "Loaded \"enough\" info", "and why");
	is_int(torctl_bootstrap(t, &percent, tiny, sizeof(tiny)), 0, "with events in between");
	is_int(percent, 100, "100 %");
	is_str(tiny, "Done", "done");
	is_int(torctl_bootstrap(t, &percent, summary, sizeof(summary)), 0, "nonsense");
	ok(percent >= 0 && percent <= 100 && summary[0] == '\0', "stays in bounds");
	is_int(torctl_bootstrap(t, &percent, summary, sizeof(summary)), MP_ESYS, "a refusal");
	is_int(torctl_bootstrap(t, &percent, summary, sizeof(summary)), MP_EBAD, "no answer in it");
	is_int(
	    torctl_bootstrap(t, &percent, summary, sizeof(summary)), MP_ETEMP, "then it is broken");
	torctl_close(t);
	played("bootstrap");
}

static struct identity *id;
static char name[ONION_TEXT];

static void test_onion(void)
{
	struct torctl *t;
	struct identity *other;
	struct buf order = BUF_INIT(1000);
	char good[200], wrong[200], del[100], other_name[ONION_TEXT], del_other[100];
	uint8_t key[64];

	if (identity_new(&other) != 0)
		die(err_detail());
	onion_encode(other_name, other->key);
	identity_expanded(key, id);
	buf_adds(&order, "ADD_ONION ED25519-V3:");
	base64_secret_encode(&order, key, 64);
	buf_adds(&order, " Flags=DiscardPK,MaxStreamsCloseCircuit MaxStreams=64 "
	                 "Port=443,127.0.0.1:4430\r\n");
	buf_terminate(&order);
	snprintf(good, sizeof(good), "250-ServiceID=%.56s\r\n250 OK\r\n", name);
	snprintf(wrong, sizeof(wrong), "250-ServiceID=%.56s\r\n250 OK\r\n", other_name);
	snprintf(del, sizeof(del), "DEL_ONION %.56s\r\n", name);
	snprintf(del_other, sizeof(del_other), "DEL_ONION %.56s\r\n", other_name);
	SCRIPT({"AUTHENTICATE ", ok_auth}, {(char *)order.data, good}, {del, ok_auth},
	    {"ADD_ONION ", wrong}, {del_other, ok_auth},
	    {"ADD_ONION ", "550 Onion address collision\r\n"},
	    {"ADD_ONION ", "512 Invalid VIRTPORT/TARGET\r\n"}, {"ADD_ONION ", "250 OK\r\n"});
	t = open_ok();
	is_int(torctl_add_onion(t, id, "127.0.0.1:4430"), 0, "our service");
	is_int(torctl_del_onion(t, name), 0, "goes again");
	is_int(torctl_add_onion(t, id, "127.0.0.1:4430"), MP_EBAD, "another address than ours");
	ok(strstr(err_detail(), other_name) == NULL && strstr(err_detail(), "another") != NULL,
	    "is refused: %s", err_detail());
	is_int(torctl_add_onion(t, id, "127.0.0.1:4430"), MP_EEXIST, "a service that is there");
	is_int(torctl_add_onion(t, id, "127.0.0.1:4430"), MP_ESYS, "another refusal");
	is_int(torctl_add_onion(t, id, "127.0.0.1:1\r\nSIGNAL HALT"), MP_EUSAGE, "no order inside");
	is_int(torctl_add_onion(t, id, "unix:/tmp/a Flags=Detach"), MP_EUSAGE, "nor another word");
	is_int(torctl_add_onion(t, id, "unix:/tmp/a\r\nSIGNAL HALT"), MP_EUSAGE, "nor in a path");
	is_int(torctl_del_onion(t, "x\r\nSIGNAL HALT"), MP_EUSAGE, "nor in an address");
	is_int(torctl_add_onion(t, id, "127.0.0.1:4430"), MP_EBAD, "no ServiceID at all");
	torctl_close(t);
	played("onion");
	buf_free(&order);
	identity_free(other);
}

static void test_uploaded(void)
{
	struct torctl *t;
	char event[400], flood[4000] = "";

	snprintf(event, sizeof(event),
	    "250 OK\r\n650 HS_DESC UPLOAD %.56s UNKNOWN $AA x\r\n650 HS_DESC UPLOADED %.56s "
	    "UNKNOWN "
	    "$AA\r\n",
	    name, name);
	SCRIPT({"AUTHENTICATE ", ok_auth}, {"SETEVENTS HS_DESC\r\n", ok_auth},
	    {"GETINFO net/listeners/socks\r\n",
	        "250-net/listeners/socks=\"127.0.0.1:9050\" \"unix:/run/x\"\r\n250 OK\r\n"},
	    {"SETEVENTS HS_DESC\r\n", event});
	t = open_ok();
	char out[100];

	is_int(torctl_watch(t), 0, "watching");
	int64_t began = clock_monotonic();
	is_int(torctl_uploaded(t, name, 200), 0, "not uploaded yet");
	ok(clock_monotonic() - began >= 190, "for as long as was asked");
	is_int(torctl_socks(t, out, sizeof(out)), 0, "another question");
	is_int(torctl_watch(t), 0, "watching again");
	is_int(torctl_uploaded(t, name, 5000), 1, "uploaded");
	is_int(torctl_uploaded(t, name, 0), 1, "and it stays so");
	torctl_close(t);
	played("uploaded");
	for (int i = 0; i < 20; i++)
		strcat(flood, "650 HS_DESC UPLOADED "
		              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa x\r\n");
	snprintf(flood + strlen(flood), 300,
	    "650 HS_DESC UPLOADED %.56s UNKNOWN\r\n650 HS_DESC UPLOADED short x\r\n250 OK\r\n",
	    name);
	SCRIPT({"AUTHENTICATE ", ok_auth}, {"SETEVENTS HS_DESC\r\n", flood});
	t = open_ok();
	is_int(torctl_watch(t), 0, "events before the answer");
	is_int(torctl_uploaded(t, name, 0), 1, "are not lost");
	is_int(torctl_uploaded(t, "nonsense", 0), MP_EUSAGE, "no address");
	torctl_close(t);
	played("flood");
}

static void test_socks(void)
{
	struct torctl *t;
	char out[100];

	SCRIPT({"AUTHENTICATE ", ok_auth},
	    {"GETINFO net/listeners/socks\r\n",
	        "250-net/listeners/socks=\"127.0.0.1:9050\" \"unix:/run/x\"\r\n250 OK\r\n"},
	    {"GETINFO ", "250-net/listeners/socks=\"unix:/run/tor/socks\"\r\n250 OK\r\n"},
	    {"GETINFO ", "250-net/listeners/socks=\r\n250 OK\r\n"},
	    {"GETINFO ", "250-net/listeners/socks=\"evil.example:1\"\r\n250 OK\r\n"});
	fake.slow = true;
	t = open_ok();
	is_int(torctl_socks(t, out, sizeof(out)), 0, "the SOCKS port");
	is_str(out, "127.0.0.1:9050", "the first");
	is_int(torctl_socks(t, out, sizeof(out)), 0, "a socket");
	is_str(out, "unix:/run/tor/socks", "as unix:PATH");
	is_int(torctl_socks(t, out, sizeof(out)), MP_ENONE, "none");
	is_int(torctl_socks(t, out, sizeof(out)), MP_EBAD, "a name is refused");
	torctl_close(t);
	fake.slow = false;
	played("socks");
}

/* Whatever comes, an error comes back, and soon. */
static void test_hostile(void)
{
	static const char *const table[] = {
	    "HTTP/1.1 200 OK\r\n\r\n", "250\r\n", "2500OK\r\n", "\r\n", "abc OK\r\n"};
	struct torctl *t;
	char *big = malloc(300000);
	int percent;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		SCRIPT({"AUTHENTICATE ", table[i]}, {"", ""});
		int rc = torctl_open(&t, where, cookie);

		ok(rc == MP_EBAD || rc == MP_ETEMP, "hostile answer %zu: %s", i, err_detail());
		pthread_join(fake.thread, NULL);
	}
	memset(big, 'x', 299999);
	big[299999] = '\0';
	memcpy(big, "250 ", 4);
	SCRIPT({"AUTHENTICATE ", big}, {"", ""});
	is_int(torctl_open(&t, where, cookie), MP_EBAD, "a line without an end");
	pthread_join(fake.thread, NULL);
	/* Longer than a line may be, and its end comes with the piece that makes it too long. */
	memcpy(big + 8250, "\r\n", 3);
	fake.split = true;
	SCRIPT({"AUTHENTICATE ", big}, {"", ""});
	is_int(torctl_open(&t, where, cookie), MP_EBAD, "a line that ends too late");
	pthread_join(fake.thread, NULL);
	fake.split = false;
	for (int i = 0; i < 29999; i++)
		memcpy(big + 10 * i, "250-aaaa\r\n", 10);
	memcpy(big + 299990 - 10, "250 OK\r\n", 9);
	SCRIPT({"AUTHENTICATE ", ok_auth}, {"GETINFO", big}, {"", ""});
	t = open_ok();
	is_int(torctl_bootstrap(t, &percent, NULL, 0), MP_EBAD, "an answer of 300 kB");
	torctl_close(t);
	pthread_join(fake.thread, NULL);
	/* Silence: the only case that waits. */
	SCRIPT({"AUTHENTICATE ", NULL});
	int64_t began = clock_monotonic();
	is_int(torctl_open(&t, where, cookie), MP_ETEMP, "no answer at all");
	ok(clock_monotonic() - began < 15000, "is given up after 10 s");
	pthread_join(fake.thread, NULL);
	free(big);
}

/* The real one, with its network switched off: our words and its answers still fit. */
static void test_tor(void)
{
	static const char torrc[] = "DisableNetwork 1\nSocksPort 0\nCookieAuthentication 1\n"
	                            "__OwningControllerProcess ";
	char data[100], control[120], file[200], text[900], summary[100];
	struct torctl *t = NULL;
	int percent = -1, n, rc = MP_ETEMP;
	pid_t pid;

	snprintf(data, sizeof(data), "%s/tor", test_dir);
	snprintf(control, sizeof(control), "unix:%s/ctl", data);
	snprintf(file, sizeof(file), "%s/control_auth_cookie", data);
	n = snprintf(text, sizeof(text),
	    "%s%d\nDataDirectory %s\nControlPort %s\nLog notice file %s/log\n", torrc,
	    (int)getpid(), data, control, data);
	if (mkdir(data, 0700) != 0)
		die("mkdir");
	const char *path = test_file("torrc", text, (size_t)n), *empty = test_file("empty", "", 0);

	if ((pid = fork()) == 0) {
		if (freopen("/dev/null", "w", stdout) == NULL)
			_exit(127);
		execlp("tor", "tor", "--defaults-torrc", empty, "-f", path, (char *)NULL);
		_exit(127);
	}
	for (int i = 0; i < 200 && rc == MP_ETEMP && waitpid(pid, NULL, WNOHANG) == 0; i++) {
		poll(NULL, 0, 50);
		rc = torctl_open(&t, control, file);
	}
	if (rc == MP_ETEMP) {
		ok(1, "no tor here # SKIP");
		return;
	}
	is_int(rc, 0, "tor takes the cookie");
	is_int(
	    torctl_bootstrap(t, &percent, summary, sizeof(summary)), 0, "tor tells how far it is");
	ok(percent >= 0 && percent < 100 && summary[0] != '\0', "%d %%: %s", percent, summary);
	is_int(torctl_watch(t), 0, "tor will tell of uploads");
	is_int(torctl_add_onion(t, id, "127.0.0.1:1"), 0, "tor's address of our key is ours");
	is_int(torctl_add_onion(t, id, "127.0.0.1:1"), MP_EEXIST, "tor does not add it twice");
	is_int(torctl_uploaded(t, name, 10), 0, "nothing is uploaded");
	is_int(torctl_del_onion(t, name), 0, "tor takes it away");
	is_int(torctl_del_onion(t, name), MP_ESYS, "and has it no more");
	is_int(torctl_socks(t, text, sizeof(text)), MP_ENONE, "no SOCKS port");
	torctl_close(t);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	test_begin();
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/control", test_dir);
	snprintf(where, sizeof(where), "unix:%s", un.sun_path);
	fake.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fake.fd < 0 || bind(fake.fd, (struct sockaddr *)&un, sizeof(un)) != 0 ||
	    listen(fake.fd, 4) != 0 || identity_new(&id) != 0)
		die("control socket");
	onion_encode(name, id->key);
	test_open();
	test_cookie();
	test_bootstrap();
	test_onion();
	test_uploaded();
	test_socks();
	test_hostile();
	test_tor();
	identity_free(id);
	test_end();
	return done();
}
