#include <prosody-c/base.h>

static const char *const names[] = {
	[-PC_OK] = "no error",
	[-PC_EINVAL] = "malformed",
	[-PC_ENOENT] = "not found",
	[-PC_EEXIST] = "exists already",
	[-PC_ELIMIT] = "limit reached",
	[-PC_EPERM] = "not allowed",
	[-PC_EAUTH] = "wrong credentials",
	[-PC_EIO] = "input or output failed",
	[-PC_ESTATE] = "wrong state",
	[-PC_ETIMEOUT] = "timed out",
	[-PC_ECONFLICT] = "conflict",
	[-PC_ENOTSUP] = "not supported",
	[-PC_ECANCELED] = "canceled",
	[-PC_EBUSY] = "busy",
	[-PC_EINTERNAL] = "internal error",
	[-PC_EPARTIAL] = "done in part",
};

const char *pc_strerror(int err)
{
	if (err > 0 || err < PC_EPARTIAL)
		return "unknown error";
	return names[-err];
}
