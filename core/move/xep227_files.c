/*
 * Files that are included (XInclude) are files of the main file's folder or below it: the kernel
 * holds their names to that, symbolic links included. Nothing is fetched, and no DTD is read, so
 * that there are no entities.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "move/xep227_read.h"
#include "util/mem.h"

#define READ_AT_ONCE 65536
#define TOKEN_MAX (4 << 20) /* bytes of one tag */
#define INCLUDES_DEEP 4     /* a host, a user, a piece; one to spare */

/* ------------------------------------------------------------ one file */

static bool feed(struct xep227_reader *r, int fd)
{
	int64_t fed = 0;
	ssize_t n = 1;

	while (n > 0) {
		void *room = XML_GetBuffer(r->parser, READ_AT_ONCE);

		if (room == NULL)
			abort(); /* out of memory ends the process */
		n = read(fd, room, READ_AT_ONCE);
		if (n < 0) {
			r->why = pc__strdup(strerror(errno));
			return false;
		}
		if (XML_ParseBuffer(r->parser, (int)n, n == 0) != XML_STATUS_OK)
			return false;
		fed += n;
		if (fed - XML_GetCurrentByteIndex(r->parser) > TOKEN_MAX) {
			r->why = pc__strdup("a tag is too long");
			return false;
		}
	}
	return true;
}

/* Reads the file at the place where we are; what is said of it names `path`. Closes fd. */
static int read_file(struct xep227_reader *r, int fd, const char *path)
{
	const struct xep227_reader outer = *r;
	const char *file = r->m->file;
	bool whole;

	xep227_make_parser(r);
	r->path = path;
	r->why = NULL;
	r->skip = 0;
	whole = feed(r, fd);
	if (!whole) {
		xep227_at_line(r);
		if (!r->is_part)
			move_fault(r->m, "%s",
			           r->why ? r->why : XML_ErrorString(XML_GetErrorCode(r->parser)));
		xep227_unwind(r, outer.n_places);
	}
	free(r->why);
	XML_ParserFree(r->parser);
	close(fd);
	r->m->file = file;
	r->m->line = 0;
	r->parser = outer.parser;
	r->path = outer.path;
	r->skip = outer.skip;
	r->why = outer.why;
	r->depth = outer.depth;
	return whole ? PC_OK : PC_EINVAL;
}

/* ------------------------------------------------------------ files that are included */

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The path of a relative reference (RFC 3986), seen from the folder, malloc'ed; NULL: it is none.
 */
static char *resolve(const char *from, const char *href)
{
	const char *slash = strrchr(from, '/');
	char *path, *out;

	if (*href == '\0' || *href == '/' || strpbrk(href, ":?#"))
		return NULL;
	path = pc__printf("%.*s%s", slash ? (int)(slash - from + 1) : 0, from, href);
	out = path + (slash ? slash - from + 1 : 0);
	for (const char *at = out; *at; at++) {
		int high = *at == '%' ? hex(at[1]) : -1, low = high >= 0 ? hex(at[2]) : -1;

		*out = low >= 0 ? (char)(high * 16 + low) : *at;
		at += low >= 0 ? 2 : 0;
		if (*out++ == '\0') {
			free(path);
			return NULL;
		}
	}
	*out = '\0';
	return path;
}

/* -1 with errno: never anything but a file in the folder. */
static int open_beneath(int folder, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		                .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	int fd = (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

static void include_path(struct xep227_reader *r, const char *path)
{
	int fd = open_beneath(r->folder, path);

	if (fd < 0) {
		move_fault(r->m, "%s cannot be included: %s", path,
		           errno == EXDEV ? "it lies outside of the folder" : strerror(errno));
		r->spoilt = r->user != NULL;
		return;
	}
	r->includes++;
	read_file(r, fd, path);
	r->includes--;
}

void xep227_include(struct xep227_reader *r, const char **attrs)
{
	const char *href = xep227_attribute(attrs, "href"),
	           *parse = xep227_attribute(attrs, "parse");
	char *path = href ? resolve(r->path, href) : NULL;

	if (path == NULL || xep227_attribute(attrs, "xpointer") ||
	    (parse && strcmp(parse, "xml") != 0)) {
		move_fault(r->m, "%.200s is not included: only whole files of the folder are",
		           href ? href : "nothing");
		r->spoilt = r->user != NULL;
	} else if (r->includes == INCLUDES_DEEP) {
		move_fault(r->m, "%s is not included: files include each other too deeply", path);
		r->spoilt = r->user != NULL;
	} else {
		include_path(r, path);
	}
	free(path);
}

/* ------------------------------------------------------------ the main file, or a folder of them
 */

static int read_main(struct xep227_reader *r, const char *name)
{
	int fd = openat(r->folder, name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		fprintf(stderr, "prosody-ctl: %s: %s\n", name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return PC_EIO;
	}
	r->mtime = (int64_t)st.st_mtim.tv_sec * 1000;
	r->is_part = false;
	return read_file(r, fd, name);
}

static int is_xml(const struct dirent *e)
{
	const char *suffix = strrchr(e->d_name, '.');

	return *e->d_name != '.' && suffix && strcmp(suffix, ".xml") == 0;
}

/* Files of hosts and users are those that others include. */
static int read_folder(struct xep227_reader *r, const char *folder)
{
	struct dirent **names;
	int n = scandir(folder, &names, is_xml, alphasort);

	r->many_files = true;
	for (int i = 0; i < n; i++) {
		read_main(r, names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	if (r->found)
		return PC_OK;
	fprintf(stderr, "prosody-ctl: %s: there is no data of XEP-0227 in it\n", folder);
	return PC_EINVAL;
}

static int read_from(struct xep227_reader *r, const char *source, bool is_folder)
{
	char *whole = pc__strdup(source), *parts = pc__strdup(source);
	const char *folder = is_folder ? source : dirname(parts);
	int err = PC_EIO;

	r->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r->folder < 0)
		fprintf(stderr, "prosody-ctl: %s: %s\n", folder, strerror(errno));
	else if (is_folder)
		err = read_folder(r, folder);
	else
		err = read_main(r, basename(whole));
	if (r->folder >= 0)
		close(r->folder);
	free(whole);
	free(parts);
	return err == PC_EINVAL && r->found ? PC_OK : err; /* users that came before the fault */
}

int xep227_read(struct move *m, const char *source)
{
	struct xep227_reader r = { .m = m };
	struct stat st;
	int err;

	if (stat(source, &st) != 0) {
		fprintf(stderr, "prosody-ctl: %s: %s\n", source, strerror(errno));
		return PC_EIO;
	}
	err = read_from(&r, source, S_ISDIR(st.st_mode));
	xep227_text_free(&r.text);
	if (r.notes > XEP227_NOTES)
		printf("not moved: %u more elements\n", r.notes - XEP227_NOTES);
	return err;
}
