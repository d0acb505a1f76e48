#include "util/bundle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include <prosody-c/codec.h>

#include "util/buf.h"
#include "util/mem.h"

static const char first_line[] = "prosody-c bundle 1\n";

/* Fixed in width, so that it can be filled in when the records have been written. */
#define HEAD "G %c %010" PRIu64 " %020" PRIu64 " %64s"
#define SEPARATOR 0x1f
#define HEAD_MAX (3 * (PC__BUNDLE_NAME_MAX + 1) + 256)

/* ------------------------------------------------------------ writing */

struct pc__bundle_out {
	FILE *file;
	bool archive, failed;
	off_t head;          /* where the group begins */
	uint64_t n, bytes;   /* of the group */
	uint8_t digest[32];  /* of the records so far */
	struct pc__buf text; /* 32 bytes of digest, then a record */
};

pc__bundle_out *pc__bundle_out_new(FILE *file)
{
	pc__bundle_out *out = pc__alloc(sizeof(*out));

	out->file = file;
	out->failed = fputs(first_line, file) < 0;
	return out;
}

static bool is_name(const char *s)
{
	size_t len = strlen(s);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < 0x20)
			return false;
	return len <= PC__BUNDLE_NAME_MAX;
}

static void write_head(pc__bundle_out *out)
{
	char digest[PC__BUNDLE_DIGEST];

	pc_hex_encode(out->digest, sizeof(out->digest), digest);
	if (fprintf(out->file, HEAD, out->archive ? 'a' : 'm', out->n, out->bytes, digest) < 0)
		out->failed = true;
}

int pc__bundle_begin(pc__bundle_out *out, bool archive, const char *host, const char *user,
                     const char *store)
{
	if (!is_name(host) || !is_name(user) || !is_name(store))
		return PC_EINVAL;
	out->head = ftello(out->file);
	out->archive = archive;
	out->n = out->bytes = 0;
	memset(out->digest, 0, sizeof(out->digest));
	write_head(out);
	if (fprintf(out->file, "%c%s%c%s%c%s\n", SEPARATOR, host, SEPARATOR, user, SEPARATOR,
	            store) < 0)
		out->failed = true;
	return PC_OK;
}

int pc__bundle_add(pc__bundle_out *out, const struct pc__bundle_record *r)
{
	size_t key = strlen(r->key), with = r->with ? strlen(r->with) : 0;
	uint8_t digest[PC_DIGEST_MAX];

	if (key > PC__BUNDLE_NAME_MAX || with > PC__BUNDLE_NAME_MAX || r->len > PC__BUNDLE_TEXT_MAX)
		return PC_ELIMIT;
	out->text.len = 0;
	pc__buf_add(&out->text, out->digest, sizeof(out->digest));
	pc__buf_printf(&out->text, "%" PRId64 " %zu %zu %zu\n", r->when, key, with, r->len);
	pc__buf_add(&out->text, r->key, key);
	pc__buf_add(&out->text, r->with, with);
	pc__buf_add(&out->text, r->value, r->len);
	pc__buf_addc(&out->text, '\n');
	if (pc_digest("SHA-256", out->text.p, out->text.len, digest) != sizeof(out->digest) ||
	    fwrite(out->text.p + sizeof(out->digest), out->text.len - sizeof(out->digest), 1,
	           out->file) != 1)
		out->failed = true;
	memcpy(out->digest, digest, sizeof(out->digest));
	out->n++;
	out->bytes += out->text.len - sizeof(out->digest);
	return PC_OK;
}

int64_t pc__bundle_mark(pc__bundle_out *out)
{
	return ftello(out->file);
}

/* What is behind is cut off, too: what comes next may be shorter. */
void pc__bundle_back(pc__bundle_out *out, int64_t mark)
{
	if (mark < 0 || fseeko(out->file, mark, SEEK_SET) != 0 || fflush(out->file) != 0 ||
	    ftruncate(fileno(out->file), mark) != 0)
		out->failed = true;
}

void pc__bundle_end(pc__bundle_out *out, bool keep)
{
	if (!keep || out->n == 0) {
		pc__bundle_back(out, out->head);
		return;
	}
	if (fseeko(out->file, out->head, SEEK_SET) != 0)
		out->failed = true;
	write_head(out);
	if (fseeko(out->file, 0, SEEK_END) != 0)
		out->failed = true;
}

int pc__bundle_out_free(pc__bundle_out **out)
{
	bool failed = (*out)->failed || fflush((*out)->file) != 0;

	if ((*out)->text.p)
		explicit_bzero((*out)->text.p, (*out)->text.len);
	pc__buf_free(&(*out)->text);
	pc__free(out);
	return failed ? PC_EIO : PC_OK;
}

/* ------------------------------------------------------------ reading */

struct pc__bundle_in {
	FILE *file;
	uint64_t left; /* records of the group */
	off_t next;    /* where the next group begins */
	struct pc__buf text;
	char head[HEAD_MAX];
};

pc__bundle_in *pc__bundle_in_new(FILE *file)
{
	char line[sizeof(first_line)];
	pc__bundle_in *in;

	if (fgets(line, sizeof(line), file) == NULL || strcmp(line, first_line) != 0)
		return NULL;
	in = pc__alloc(sizeof(*in));
	in->file = file;
	in->next = ftello(file);
	return in;
}

void pc__bundle_in_free(pc__bundle_in **in)
{
	if (*in == NULL)
		return;
	pc__buf_free(&(*in)->text);
	pc__free(in);
}

static char *cut(char **at)
{
	char *field = *at, *end = field ? strchr(field, SEPARATOR) : NULL;

	*at = end ? end + 1 : NULL;
	if (end)
		*end = '\0';
	return field;
}

int pc__bundle_next_group(pc__bundle_in *in, struct pc__bundle_group *g)
{
	char *at = in->head, kind;
	uint64_t bytes;

	if (fseeko(in->file, in->next, SEEK_SET) != 0)
		return PC_EINVAL;
	if (fgets(in->head, sizeof(in->head), in->file) == NULL)
		return ferror(in->file) ? PC_EIO : PC_ENOENT;
	if (sscanf(cut(&at), "G %c %" SCNu64 " %" SCNu64 " %64[0-9a-f]", &kind, &g->n, &bytes,
	           g->digest) != 4 ||
	    (kind != 'a' && kind != 'm') || bytes > INT64_MAX / 2)
		return PC_EINVAL;
	g->archive = kind == 'a';
	g->host = cut(&at);
	g->user = cut(&at);
	g->store = at;
	if (at == NULL || strchr(at, '\n') == NULL)
		return PC_EINVAL;
	at[strlen(at) - 1] = '\0';
	in->left = g->n;
	in->next = ftello(in->file) + (off_t)bytes;
	return PC_OK;
}

/* The texts lie behind each other, each with its NUL. */
static int read_texts(pc__bundle_in *in, const size_t *lens, char *texts[3])
{
	char *at = pc__buf_room(&in->text, lens[0] + lens[1] + lens[2] + 3);

	for (int i = 0; i < 3; i++) {
		if (lens[i] > 0 && fread(at, lens[i], 1, in->file) != 1)
			return PC_EINVAL;
		at[lens[i]] = '\0';
		texts[i] = at;
		at += lens[i] + 1;
	}
	return getc(in->file) == '\n' ? PC_OK : PC_EINVAL;
}

int pc__bundle_next(pc__bundle_in *in, struct pc__bundle_record *r)
{
	char line[128], *texts[3];
	size_t lens[3];

	if (in->left == 0)
		return PC_ENOENT;
	in->left--;
	if (fgets(line, sizeof(line), in->file) == NULL ||
	    sscanf(line, "%" SCNd64 " %zu %zu %zu", &r->when, &lens[0], &lens[1], &lens[2]) != 4 ||
	    lens[0] > PC__BUNDLE_NAME_MAX || lens[1] > PC__BUNDLE_NAME_MAX ||
	    lens[2] > PC__BUNDLE_TEXT_MAX || read_texts(in, lens, texts) != PC_OK)
		return PC_EINVAL;
	r->key = texts[0];
	r->with = lens[1] ? texts[1] : NULL;
	r->value = texts[2];
	r->len = lens[2];
	return PC_OK;
}
