#include "util/mem.h"
#include "xml/state.h"

/* What was let in may have grown since: escaped, its namespaces written out, a few elements put in
 * by modules. */
static const pc__xml_limits stored_limits = {
	.stanza_bytes = 8 * 256 * 1024,
	.token_bytes = 8 * 32 * 1024 + 256 * 1024,
	.depth = 192,
	.attributes = 1024,
	.name_bytes = 2048,
	.elements = 16384,
};

struct stored {
	pc_stanza *st;
	bool more;
};

static void on_stored_header(const pc__xml_header *header, void *data)
{
	(void)header, (void)data;
}

static bool on_stored_element(pc_stanza *element, void *data)
{
	struct stored *s = data;

	if (s->st) {
		s->more = true;
		pc_stanza_free(&element);
	} else {
		s->st = element;
	}
	return true;
}

static void on_stored_end(void *data)
{
	((struct stored *)data)->more = true;
}

struct pc__stored {
	pc__xml_parser *p; /* NULL until it is needed, and after an element that was refused */
	struct stored s;
};

pc__stored *pc__stored_new(void)
{
	return pc__alloc(sizeof(pc__stored));
}

void pc__stored_free(pc__stored **stored)
{
	if (*stored && (*stored)->p)
		pc__xml_free(&(*stored)->p);
	pc__free(stored);
}

static void begin(pc__stored *stored)
{
	static const pc__xml_callbacks callbacks = { on_stored_header, on_stored_element,
		                                     on_stored_end };
	static const char root[] = "<s:s xmlns='" PC_NS_CLIENT "' xmlns:s='" PC_NS_STREAM "'>";

	stored->s = (struct stored){ 0 };
	if (stored->p == NULL)
		stored->p = pc__xml_primed(root, sizeof(root) - 1, &callbacks, NULL, &stored_limits,
		                           &stored->s);
}

pc_stanza *pc__stored_parse(pc__stored *stored, const char *text, size_t len)
{
	size_t used;

	begin(stored);
	if (pc__xml_feed(stored->p, text, len, &used) == PC__XML_OK && pc__xml_idle(stored->p) &&
	    !stored->s.more)
		return stored->s.st;
	pc_stanza_free(&stored->s.st);
	pc__xml_free(&stored->p);
	return NULL;
}

pc_stanza *pc_stanza_parse(const char *text, size_t len)
{
	pc__stored *stored = pc__stored_new();
	pc_stanza *st = pc__stored_parse(stored, text, len);

	pc__stored_free(&stored);
	return st;
}
