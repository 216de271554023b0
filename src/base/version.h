/* version.h: the one place that says which stallprof this is. */
#ifndef STALLPROF_BASE_VERSION_H
#define STALLPROF_BASE_VERSION_H

#define STALLPROF_VERSION "0.1.0"

#endif
