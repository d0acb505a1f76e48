#include "util/spelling.h"

#include <string.h>

#define LONGEST 63

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Optimal string alignment. */
unsigned pc__spelling_distance(const char *a, const char *b)
{
	unsigned rows[3][LONGEST + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > LONGEST || m > LONGEST)
		return 100;
	for (unsigned j = 0; j <= m; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= n; i++) {
		unsigned *row = rows[i % 3], *up = rows[(i + 2) % 3], *upper = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= m; j++) {
			row[j] = least(least(row[j - 1], up[j]) + 1,
			               up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], upper[j - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

const char *pc__spelling_nearer(const char *word, const char *best, const char *other)
{
	size_t len = strlen(word);
	unsigned most = len < 4 ? 2 : len < 8 ? 3 : 4; /* from here on it is another word */
	unsigned limit = best ? pc__spelling_distance(word, best) : most;

	return pc__spelling_distance(word, other) < limit ? other : best;
}
