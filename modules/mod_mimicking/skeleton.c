#include "skeleton.h"

#include <stdlib.h>
#include <unicode/uspoof.h>

/* ICU's checker, under a name of ours. */
struct skeletons *skeletons_new(const char **error_r)
{
	UErrorCode status = U_ZERO_ERROR;
	USpoofChecker *checker = uspoof_open(&status);

	*error_r = u_errorName(status);
	if (U_SUCCESS(status))
		return (struct skeletons *)checker;
	uspoof_close(checker);
	return NULL;
}

void skeletons_free(struct skeletons **s)
{
	uspoof_close((USpoofChecker *)*s);
	*s = NULL;
}

char *skeleton_of(const struct skeletons *s, const char *name)
{
	const USpoofChecker *checker = (const USpoofChecker *)s;
	UErrorCode status = U_ZERO_ERROR;
	int32_t len = uspoof_getSkeletonUTF8(checker, 0, name, -1, NULL, 0, &status);
	char *skeleton;

	if (status != U_BUFFER_OVERFLOW_ERROR || len <= 0)
		return NULL;
	skeleton = calloc((size_t)len + 1, 1);
	if (skeleton == NULL)
		abort(); /* out of memory ends the process */
	status = U_ZERO_ERROR;
	uspoof_getSkeletonUTF8(checker, 0, name, -1, skeleton, len + 1, &status);
	if (U_SUCCESS(status))
		return skeleton;
	free(skeleton);
	return NULL;
}
