/*
 * items.h - items by kind (module.h: pc_add_item); the list of a host hangs on pc_host.
 */
#pragma once

struct pc__item;
