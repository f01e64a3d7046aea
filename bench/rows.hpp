// The groups of rows that carom-bench can run.
#pragma once

#include "report.hpp"

namespace bench {

void run_uncontended(Report& report, bool quick);
void run_contended(Report& report, bool quick);
void run_handoff(Report& report, bool quick);
void run_wake_all(Report& report, bool quick);
void run_barrier(Report& report, bool quick);
void run_readers_writers(Report& report, bool quick);
void run_creation(Report& report, bool quick);
void run_growth(Report& report, bool quick);
void run_recovery(Report& report, bool quick);
void run_priority(Report& report, bool quick);

}  // namespace bench
