#include "tap.h"
#include "base/err.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

static void statuses(void)
{
	static const struct {
		int code, status;
	} t[] = {{MP_OK, 0}, {7, 0}, {MP_ENONE, 1}, {MP_EUSAGE, 100}, {MP_EBAD, 100},
	    {MP_EEXIST, 100}, {MP_ELIMIT, 100}, {MP_ESYS, 100}, {MP_ENOMEM, 111}, {MP_EBUSY, 111},
	    {MP_ETEMP, 111}, {MP_EFULL, 111}, {-11, 100}, {-1000, 100}};
	static const int order[] = {0, 1, 111, 100};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		ok(err_status(t[i].code) == t[i].status, "code %d is exit %d", t[i].code,
		    t[i].status);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 4; j++)
			ok(err_worse(order[i], order[j]) == order[i > j ? i : j], "worse of %d, %d",
			    order[i], order[j]);
}

static void *other_thread(void *arg)
{
	*(int *)arg = err_detail()[0] == '\0';
	err_set(MP_EBAD, "theirs");
	return NULL;
}

static void details(void)
{
	char big[2000];
	pthread_t t;
	int empty = 0;

	is_str(err_detail(), "", "no detail at first");
	is_int(err_set(MP_EBAD, "line %d: %s", 3, "bad"), MP_EBAD, "err_set returns its code");
	is_str(err_detail(), "line 3: bad", "and leaves the detail");
	err_set(MP_EBAD, "name: %s", err_detail());
	is_str(err_detail(), "name: line 3: bad", "a detail can be made of the last one");
	pthread_create(&t, NULL, other_thread, &empty);
	pthread_join(t, NULL);
	ok(empty, "another thread has its own");
	is_str(err_detail(), "name: line 3: bad", "and does not touch ours");
	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	err_set(MP_EBAD, "%s", big);
	is_int((long long)strlen(err_detail()), 511, "a long detail is cut at 511 bytes");
	errno = ENOENT;
	is_int(err_sys("cannot open '%s'", "x"), MP_ESYS, "ENOENT is MP_ESYS");
	is_str(err_detail(), "cannot open 'x': No such file or directory", "with its text");
	is_int(errno, ENOENT, "errno stays");
	errno = ENOSPC;
	is_int(err_sys("x"), MP_EFULL, "ENOSPC is MP_EFULL");
	errno = EDQUOT;
	is_int(err_sys("x"), MP_EFULL, "EDQUOT is MP_EFULL");
	errno = EIO;
	err_sys("%s", big);
	is_int((long long)strlen(err_detail()), 511, "a long system detail is cut");
}

/* What call() sends to stderr. */
static const char *printed(void (*call)(void))
{
	static char text[8192];
	FILE *f = tmpfile();
	int saved = dup(2);
	size_t n;

	fflush(stderr);
	dup2(fileno(f), 2);
	call();
	dup2(saved, 2);
	close(saved);
	rewind(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static int printed_status;

static void print_it(void)
{
	printed_status = err_print(MP_ETEMP);
}

static void warn_it(void)
{
	err_warn("%d%%: \033[2J\t'%s'", 5, "\xe2\x80\xae\xff");
}

static void printing(void)
{
	err_name("mp-test");
	err_set(MP_ETEMP, "evil \033]0;title\007\nmp-test: forged");
	is_str(printed(print_it), "mp-test: evil \\0033]0;title\\0007\\nmp-test: forged\n",
	    "a detail is one line, its controls escaped");
	is_int(printed_status, 111, "err_print returns the status");
	is_str(printed(warn_it), "mp-test: 5%: \\0033[2J\\t'\\0342\\0200\\0256\\0377'\n",
	    "so is a warning");
	err_set(0, "%s", "");
	is_str(printed(print_it), "mp-test: failed\n", "no detail is still a line");
}

int main(void)
{
	details();
	statuses();
	printing();
	return done();
}
