/*
 * systemd.h - what the service manager is told (sd_notify(3), whose protocol is documented as
 * stable) and expects: readiness, reloads, the end, a line of counts, a sign of life.
 *
 * Signs of life come from the main loop, so that a server whose loop hangs is restarted
 * (WatchdogSec=). Without NOTIFY_SOCKET all of this does nothing.
 */
#pragma once

/* Takes the variables out of the environment, for children must not speak for us. */
void pc__systemd_setup(void);

void pc__systemd_ready(void);
void pc__systemd_reloading(void); /* pc__systemd_ready() tells its end, too */
void pc__systemd_stopping(const char *reason);
/* Before the loop sleeps: counts that have changed are told, at most once a second. */
void pc__systemd_turn(void);
void pc__systemd_stop(void);
