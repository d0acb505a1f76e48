#include <stdlib.h>

#include <prosody-c/codec.h>

#include "util/mem.h"
#include "xml/state.h"

#define DECLARATIONS_MOST 16
#define BYTES_MOST 1024
#define LEAST 64 /* buckets; a power of two */

struct pc__xml_root {
	pc__xml_root *next;
	size_t refs;
	uint64_t hash;
	unsigned declarations;
	size_t len;
	char text[];
};

struct pc__xml_roots {
	pc__xml_root **buckets;
	size_t n_buckets, n;
};

pc__xml_roots *pc__xml_roots_new(void)
{
	pc__xml_roots *roots = pc__alloc(sizeof(*roots));

	roots->n_buckets = LEAST;
	roots->buckets = pc__alloc(LEAST * sizeof(roots->buckets[0]));
	return roots;
}

void pc__xml_roots_free(pc__xml_roots **roots)
{
	pc__xml_roots *r = *roots;

	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n_buckets; i++) {
		for (pc__xml_root *root = r->buckets[i], *next; root; root = next) {
			next = root->next;
			free(root);
		}
	}
	free(r->buckets);
	pc__free(roots);
}

static pc__xml_root **bucket(const pc__xml_roots *roots, uint64_t h)
{
	return &roots->buckets[h & (roots->n_buckets - 1)];
}

static void grow(pc__xml_roots *roots)
{
	pc__xml_root **old = roots->buckets;
	size_t n_old = roots->n_buckets;

	roots->n_buckets *= 2;
	roots->buckets = pc__alloc(roots->n_buckets * sizeof(old[0]));
	for (size_t i = 0; i < n_old; i++) {
		for (pc__xml_root *root = old[i], *next; root; root = next) {
			next = root->next;
			root->next = *bucket(roots, root->hash);
			*bucket(roots, root->hash) = root;
		}
	}
	free(old);
}

static pc__xml_root *add(pc__xml_roots *roots, const char *text, size_t len, uint64_t h)
{
	pc__xml_root *root = pc__malloc(sizeof(*root) + len), **at;

	if (++roots->n > roots->n_buckets)
		grow(roots);
	at = bucket(roots, h);
	*root = (pc__xml_root){ .next = *at, .hash = h, .len = len };
	memcpy(root->text, text, len);
	*at = root;
	return root;
}

pc__xml_root *pc__xml_root_take(pc__xml_roots *roots, const char *text, size_t len,
                                unsigned declarations)
{
	uint64_t h;
	pc__xml_root *root;

	if (declarations > DECLARATIONS_MOST || len > BYTES_MOST)
		return NULL;
	h = pc_hash(text, len);
	for (root = *bucket(roots, h); root; root = root->next) {
		if (root->hash == h && pc__same(root->text, root->len, text, len))
			break;
	}
	if (root == NULL)
		root = add(roots, text, len, h);
	root->declarations = declarations;
	root->refs++;
	return root;
}

const char *pc__xml_root_text(const pc__xml_root *root, size_t *len_r, unsigned *declarations_r)
{
	*len_r = root->len;
	*declarations_r = root->declarations;
	return root->text;
}

void pc__xml_root_drop(pc__xml_root **root, pc__xml_roots *roots)
{
	pc__xml_root *r = *root, **at;

	*root = NULL;
	if (r == NULL || --r->refs > 0)
		return;
	for (at = bucket(roots, r->hash); *at != r; at = &(*at)->next)
		;
	*at = r->next;
	roots->n--;
	free(r);
}
