#include "util/mem.h"
#include "xml/tree.h"

#define ALIGN(n) (((n) + 7) & ~(size_t)7)

/* The node behind `n` and all below it, in document order, below `top`;
 * NULL at the end. *up_r is how many levels the walk rose. */
static const pc__node *after(const pc_stanza *top, const pc__node *n, size_t *up_r)
{
	*up_r = 0;
	while (n->next == NULL) {
		n = &n->parent->node;
		if (n == &top->node)
			return NULL;
		++*up_r;
	}
	return n->next;
}

static size_t string_size(const char *s, size_t len)
{
	return pc__name_known(s, len) ? 0 : ALIGN(len + 1);
}

static bool shares_ns(const pc_stanza *st)
{
	return st->node.parent && st->node.parent->ns == st->ns;
}

static size_t element_size(const pc_stanza *st, bool top)
{
	size_t size = ALIGN(sizeof(*st)) + string_size(st->node.name, st->name_len);

	if (top || !shares_ns(st))
		size += string_size(st->ns, st->ns_len);
	for (const pc__attr *a = st->attrs; a; a = a->next) {
		size += ALIGN(sizeof(*a) + a->value_len + 1) + string_size(a->name, a->name_len);
		size += a->ns ? string_size(a->ns, a->ns_len) : 0;
	}
	return size;
}

static size_t tree_size(const pc_stanza *top)
{
	size_t size = element_size(top, true), up;
	const pc__node *n = top->first;

	while (n) {
		if (!pc__is_element(n)) {
			size += ALIGN(sizeof(pc__text) + pc__as_text(n)->len + 1);
			n = after(top, n, &up);
			continue;
		}
		size += element_size(pc__as_element(n), false);
		n = pc__as_element(n)->first ? pc__as_element(n)->first : after(top, n, &up);
	}
	return size;
}

static void copy_attrs(pc_stanza *to, const pc_stanza *from)
{
	pc__attr **tail = &to->attrs;

	for (const pc__attr *a = from->attrs; a; a = a->next)
		tail = pc__tree_attr(to, tail, a->ns, a->ns_len, a->name, a->name_len, a->value,
		                     a->value_len);
}

static pc_stanza *copy_child(pc_stanza *parent, const pc_stanza *from)
{
	pc__doc *doc = parent->doc;
	pc_stanza *to;

	if (shares_ns(from))
		to = pc__tree_element_in(doc, from->node.name, from->name_len, parent->ns,
		                         parent->ns_len);
	else
		to = pc__tree_element(doc, from->node.name, from->name_len, from->ns, from->ns_len);
	copy_attrs(to, from);
	pc__tree_link(parent, &to->node);
	return to;
}

/* Fills `to` with copies of all below `from`; `to` is not reachable from `from`. */
static void copy_below(pc_stanza *to, const pc_stanza *from)
{
	const pc__node *n = from->first;
	size_t up;

	while (n) {
		if (pc__is_element(n)) {
			pc_stanza *copy = copy_child(to, pc__as_element(n));

			if (pc__as_element(n)->first) {
				n = pc__as_element(n)->first;
				to = copy;
				continue;
			}
		} else {
			pc__tree_text(to, pc__as_text(n)->text, pc__as_text(n)->len);
		}
		for (n = after(from, n, &up); up; up--)
			to = to->node.parent;
	}
}

pc_stanza *pc_stanza_clone(const pc_stanza *st)
{
	pc_stanza *copy = pc__tree_new(ALIGN(sizeof(pc__doc)) + tree_size(st), st->node.name,
	                               st->name_len, st->ns, st->ns_len);

	copy_attrs(copy, st);
	copy_below(copy, st);
	return copy;
}

pc_stanza *pc_stanza_append(pc_stanza *parent, const pc_stanza *child)
{
	pc_stanza *copy = pc__tree_element(parent->doc, child->node.name, child->name_len,
	                                   child->ns, child->ns_len);

	pc__tree_touch(parent->doc);
	copy_attrs(copy, child);
	copy_below(copy, child);
	pc__tree_link(parent, &copy->node);
	return copy;
}
