#include "check.h"
#include "dns.h"

/* Without an anchor no answer is ever validated, and nothing would say so. */
static bool check_dane(struct pc__check *c, const char *host)
{
	const pc__value *v = pc__config_get_own(host, "use_dane");
	char place[300];

	if (v == NULL || v->type != PC__BOOL || !v->b)
		return false;
	pc__value_place(v, place, sizeof(place));
	pc__check_tell(c, PC__WARNING, place,
	               "use_dane has no effect without the root's key: install dns-root-data, or "
	               "name a file by unbound = { trustfile = ... }");
	return true;
}

void pc__check_anchors(struct pc__check *c)
{
	size_t n;
	const pc__config_host *hosts = pc__config_hosts(&n);
	bool told = pc__dns_has_anchor() || check_dane(c, NULL);

	for (size_t i = 0; i < n && !told; i++)
		told = check_dane(c, hosts[i].name);
}
