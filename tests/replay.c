/* replay: gives each file named, or each file of a directory named, to a fuzz harness. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long fed;

/* Exactly as many bytes as the file has, so that a read behind them is found. */
static void feed_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long size;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0) {
		perror(path);
		exit(1);
	}
	rewind(f);
	data = malloc((size_t)size);
	if ((data == NULL && size > 0) || fread(data, 1, (size_t)size, f) != (size_t)size) {
		perror(path);
		exit(1);
	}
	fclose(f);
	LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
	fed++;
}

static void feed(const char *path)
{
	char name[4096];
	struct dirent *e;
	DIR *d = opendir(path);

	if (d == NULL) {
		feed_file(path);
		return;
	}
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		feed(name);
	}
	closedir(d);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		feed(argv[i]);
	printf("%lu inputs\n", fed);
	return fed == 0;
}
