/* main() for the targets without libFuzzer: runs every file that is named, or that lies in a folder
 * that is named, through the target once. So any compiler can replay the seeds. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "fuzz.h"

static size_t replayed;

static void replay_file(const char *path, size_t size)
{
	FILE *in = fopen(path, "rb");
	char *bytes = malloc(size + (size == 0));

	if (in == NULL || fread(bytes, 1, size, in) != size) {
		perror(path);
		exit(1);
	}
	fclose(in);
	fprintf(stderr, "%s\n", path); /* the last line of a crash is its seed */
	LLVMFuzzerTestOneInput((const uint8_t *)bytes, size);
	free(bytes);
	replayed++;
}

static void replay(const char *path);

static void replay_folder(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char below[PATH_MAX];

		snprintf(below, sizeof(below), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.')
			replay(below);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static void replay(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		perror(path);
		exit(1);
	}
	if (S_ISDIR(st.st_mode))
		replay_folder(path);
	else
		replay_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%zu seeds\n", replayed);
	return replayed > 0 ? 0 : 1;
}
