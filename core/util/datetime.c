#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <prosody-c/codec.h>

#define DAY_MS INT64_C(86400000)
#define LEAST INT64_C(-62135596800000)    /* 0001-01-01T00:00:00Z */
#define GREATEST INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

static bool is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days before the month's first, from March on: the leap day is then a year's last. */
static int days_before(int month)
{
	return (153 * ((month + 9) % 12) + 2) / 5;
}

/* Of the proleptic Gregorian calendar, 1970-01-01 is 0. */
static int64_t day_number(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;

	return 365 * y + y / 4 - y / 100 + y / 400 + days_before(month) + day - 1 - 719468;
}

static void date_of(int64_t number, int *year, int *month, int *day)
{
	int64_t y = (number + 719468) * 400 / 146097 + 1;

	while (day_number((int)y, 1, 1) > number)
		y--;
	*year = (int)y;
	*month = 12;
	while (day_number((int)y, *month, 1) > number)
		--*month;
	*day = (int)(number - day_number((int)y, *month, 1)) + 1;
}

void pc_datetime_write(int64_t ms, char out[static PC_DATETIME_SIZE])
{
	int64_t number, rest;
	int year, month, day, n;

	ms = ms < LEAST ? LEAST : ms > GREATEST ? GREATEST : ms;
	number = ms / DAY_MS - (ms % DAY_MS < 0);
	rest = ms - number * DAY_MS;
	date_of(number, &year, &month, &day);
	n = snprintf(out, PC_DATETIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day,
	             (int)(rest / 3600000), (int)(rest / 60000 % 60), (int)(rest / 1000 % 60));
	if (rest % 1000)
		n += snprintf(out + n, PC_DATETIME_SIZE - (size_t)n, ".%03d", (int)(rest % 1000));
	out[n] = 'Z';
	out[n + 1] = '\0';
}

/* Takes `digits` digits and the character behind them off *s; -1 when they are not there. With
 * '\0' for `end` any character may follow, and none is taken. */
static int number(const char **s, int digits, char end)
{
	int v = 0;

	for (int i = 0; i < digits; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return -1;
		v = v * 10 + (**s - '0');
	}
	if (end && *(*s)++ != end)
		return -1;
	return v;
}

/* Milliseconds; finer digits are checked and dropped. */
static int fraction(const char **s)
{
	int ms = 0, scale = 100;

	if (**s != '.')
		return 0;
	++*s;
	if (**s < '0' || **s > '9')
		return -1;
	for (; **s >= '0' && **s <= '9'; ++*s, scale /= 10)
		ms += (**s - '0') * scale;
	return ms;
}

/* Minutes east of UTC; takes all that is left, or is false. */
static bool zone(const char *s, int *minutes)
{
	int sign = *s == '-' ? -1 : 1, hour, minute;

	*minutes = 0;
	if (strcmp(s, "Z") == 0)
		return true;
	if (*s != '+' && *s != '-')
		return false;
	s++;
	hour = number(&s, 2, ':');
	minute = hour < 0 ? -1 : number(&s, 2, '\0');
	*minutes = sign * (hour * 60 + minute);
	return minute >= 0 && minute < 60 && hour * 60 + minute <= 14 * 60 && *s == '\0';
}

static bool date(const char **s, int64_t *day_r)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = number(s, 4, '-');
	int month = year < 1 ? -1 : number(s, 2, '-');
	int day = month < 1 || month > 12 ? -1 : number(s, 2, 'T');

	if (day < 1 || day > days[month - 1] + (month == 2 && is_leap(year)))
		return false;
	*day_r = day_number(year, month, day);
	return true;
}

static bool time_of_day(const char **s, int64_t *ms_r)
{
	int hour = number(s, 2, ':');
	int minute = hour < 0 || hour > 23 ? -1 : number(s, 2, ':');
	int second = minute < 0 || minute > 59 ? -1 : number(s, 2, '\0');
	int ms = second < 0 || second > 59 ? -1 : fraction(s);

	*ms_r = INT64_C(1000) * (hour * 3600 + minute * 60 + second) + ms;
	return ms >= 0;
}

int pc_datetime_parse(const char *text, int64_t *ms_since_1970_r)
{
	int64_t day, ms;
	int minutes;

	if (!date(&text, &day) || !time_of_day(&text, &ms) || !zone(text, &minutes))
		return PC_EINVAL;
	*ms_since_1970_r = day * DAY_MS + ms - INT64_C(60000) * minutes;
	return PC_OK;
}
