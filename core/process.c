#include "process.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include "config.h"
#include "log.h"

#define FEW_DESCRIPTORS 4096
#define UMASK 027

static struct {
	bool lowered; /* and so can be raised */
	uid_t uid;
	gid_t gid;
} other;

/* ------------------------------------------------------------ mode bits, descriptors */

/* false: not a number that says mode bits. */
static bool read_umask(mode_t *mask_r)
{
	const char *text = pc__opt_str(NULL, "umask");
	char *end;
	unsigned long mask = strtoul(text, &end, 8);
	bool good = *text >= '0' && *text <= '7' && *end == '\0' && mask <= 0777;

	*mask_r = good ? (mode_t)mask : UMASK;
	return good;
}

/* Each client is a descriptor. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* ------------------------------------------------------------ user and group */

static int find_user(const char *user, const char *group)
{
	const struct passwd *pw = getpwnam(user);
	const struct group *gr;

	if (pw == NULL) {
		pc__log("server", PC_ERROR, "option prosody_user: there is no user %s", user);
		return EX_NOUSER;
	}
	other.uid = pw->pw_uid;
	other.gid = pw->pw_gid;
	if (group == NULL)
		return 0;
	gr = getgrnam(group);
	if (gr == NULL) {
		pc__log("server", PC_ERROR, "option prosody_group: there is no group %s", group);
		return EX_NOUSER;
	}
	other.gid = gr->gr_gid;
	return 0;
}

static int cannot_become(const char *user)
{
	pc__log("server", PC_ERROR, "user %s cannot be become: %s", user, strerror(errno));
	return EX_NOPERM;
}

/* Real and saved ids stay root's. */
static int lower_for_good(const char *user)
{
	if (initgroups(user, other.gid) != 0 || setegid(other.gid) != 0 || seteuid(other.uid) != 0)
		return cannot_become(user);
	other.lowered = true;
	return 0;
}

static int set_user(void)
{
	const char *user = pc__opt_str(NULL, "prosody_user");
	bool is_root = geteuid() == 0;
	int status;

	if (user == NULL || (is_root && pc__opt_bool(NULL, "run_as_root")))
		return 0;
	status = find_user(user, pc__opt_str(NULL, "prosody_group"));
	return status == 0 && is_root && other.uid != 0 ? lower_for_good(user) : status;
}

int pc__process_setup(void)
{
	mode_t mask;

	read_umask(&mask);
	umask(mask);
	raise_descriptors();
	return set_user();
}

static void warn_of_user(void)
{
	const char *user = pc__opt_str(NULL, "prosody_user");

	if (geteuid() == 0 && user == NULL && !pc__opt_bool(NULL, "run_as_root"))
		pc__log("server", PC_WARN,
		        "running as root: prosody_user would name a user to run as");
	else if (geteuid() != 0 && user && other.uid != geteuid())
		pc__log("server", PC_WARN,
		        "prosody_user is %s, but only root can become somebody else", user);
}

void pc__process_warn(void)
{
	struct rlimit limit;
	mode_t mask;

	if (!read_umask(&mask))
		pc__log("server", PC_WARN,
		        "option umask: \"%s\" is no octal number up to 0777; %03o is used",
		        pc__opt_str(NULL, "umask"), UMASK);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < FEW_DESCRIPTORS)
		pc__log("server", PC_WARN,
		        "only %llu descriptors are allowed, and each client needs one: see ulimit "
		        "-n, "
		        "or LimitNOFILE= of systemd",
		        (unsigned long long)limit.rlim_cur);
	warn_of_user();
}

/* The C library's function would take all threads along, those that make files, too. */
static void set_own_euid(uid_t uid)
{
#ifdef SYS_setresuid32
	long done = syscall(SYS_setresuid32, -1, uid, -1);
#else
	long done = syscall(SYS_setresuid, -1, uid, -1);
#endif

	if (done != 0)
		pc__log("server", PC_ERROR, "user %u cannot be become for a moment: %s",
		        (unsigned)uid, strerror(errno));
}

void pc__process_raise(void)
{
	if (other.lowered)
		set_own_euid(0);
}

void pc__process_lower(void)
{
	if (other.lowered)
		set_own_euid(other.uid);
}

bool pc__process_give(int fd)
{
	return !other.lowered || fchown(fd, other.uid, other.gid) == 0;
}

int pc__process_drop(void)
{
	if (!other.lowered)
		return 0;
	if (setresgid(other.gid, other.gid, other.gid) != 0 ||
	    setresuid(other.uid, other.uid, other.uid) != 0)
		return cannot_become(pc__opt_str(NULL, "prosody_user"));
	other.lowered = false;
	if (other.uid != 0 && (setuid(0) == 0 || seteuid(0) == 0)) {
		pc__log("server", PC_ERROR, "root's rights could not be given up");
		return EX_NOPERM;
	}
	pc__log("server", PC_INFO, "running as user %u, group %u", (unsigned)other.uid,
	        (unsigned)other.gid);
	return 0;
}
