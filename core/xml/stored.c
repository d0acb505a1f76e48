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

pc_stanza *pc_stanza_parse(const char *text, size_t len)
{
	static const pc__xml_callbacks callbacks = { on_stored_header, on_stored_element,
		                                     on_stored_end };
	static const char root[] = "<s:s xmlns='" PC_NS_CLIENT "' xmlns:s='" PC_NS_STREAM "'>";
	struct stored s = { 0 };
	pc__xml_parser *p =
	        pc__xml_primed(root, sizeof(root) - 1, &callbacks, NULL, &stored_limits, &s);
	size_t used;

	if (pc__xml_feed(p, text, len, &used) != PC__XML_OK || !pc__xml_idle(p) || s.more)
		pc_stanza_free(&s.st);
	pc__xml_free(&p);
	return s.st;
}
