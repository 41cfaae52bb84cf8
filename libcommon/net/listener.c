#include "net/listener.h"

#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

int listener_tls(struct buf *cert, struct buf *key)
{
	int rc;

	if ((rc = file_read(home_file("tls/cert.pem"), cert)) == 0 &&
	    (rc = file_read_secret(home_file("tls/key.pem"), key)) == 0 &&
	    (rc = buf_terminate(cert)) == 0)
		rc = buf_terminate(key);
	if (rc == MP_ENONE && home_path() != NULL)
		rc = err_set(MP_EUSAGE, "no identity in '%s': run mp-keygen", home_path());
	return rc;
}

unsigned listener_threads(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > LISTENER_THREADS ? LISTENER_THREADS : (unsigned)n;
}

void listener_ready(int fd, const char *where)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "ready %s\n", where);

	if (fd < 0)
		return;
	if (n > 0 && fd_write_all(fd, line, (size_t)n) != 0)
		err_warn("%s", err_detail());
	close(fd);
}
