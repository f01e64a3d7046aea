/* Event: who slept when it was set is released, even if it is cleared before that one runs.
 *
 * Each step is one atomic operation on the word or one decision of the kernel; between any two of them the killer may
 * strike and everybody else may run. The names at the steps are those of the C++: src/sync/event.cpp.
 *
 * What is checked
 *   released     no waiter sleeps on after a set that came after it had looked                   (assertion in `silence`)
 * Configuration
 *   SETS, MAXC   how often it is set and cleared; deaths in all (of who sets)
 *   RECHECK      in a silence all sleepers look again
 *   Defects, to see the checks fail: NO_COUNT NO_MARK
 */
#ifndef SETS
#define SETS 1
#endif
#ifndef MAXC
#define MAXC 0
#endif
#define SET 1
#define CONTENDED 2
#define ONE 4
#define TIMES(word) ((word) >> 2)

byte word;
bool asleep[3];
bool looked[3];
bool missed[3]; /* set since it looked first: it has to return */
bool killed;

proctype waiter(byte me) {
  byte since, seen;
  atomic {
    since = word;
    looked[me] = true;
    if
    :: since & SET -> goto over
    :: else
    fi
  }
  do
  :: atomic {
      seen = word;
#ifdef NO_COUNT
      if
      :: seen & SET -> break
#else
      if
      :: TIMES(seen) != TIMES(since) -> break
#endif
      :: else
      fi
    }
#ifndef NO_MARK
    atomic {
      if
      :: seen & CONTENDED
      :: !(seen & CONTENDED) && word == seen -> seen = seen | CONTENDED; word = seen
      :: else -> goto again
      fi
    }
#endif
    atomic { asleep[me] = word == seen }
  end_asleep:
    atomic { !asleep[me] }
  again:
    atomic { seen = 0 }
  od;
over:
  missed[me] = false; looked[me] = false
}

proctype setter() {
  byte seen, round;
  {
    round = 0;
    do
    :: atomic { round < SETS -> round++ }
       atomic {
         seen = word;
         word = (seen & SET -> seen : SET + ONE * (TIMES(seen) + 1));
         missed[1] = missed[1] || looked[1]; missed[2] = missed[2] || looked[2]
       }
       atomic {
         if
         :: !(seen & SET) && (seen & CONTENDED) -> asleep[1] = false; asleep[2] = false
         :: else
         fi
       }
       atomic { word = word & ~SET } /* clear */
    :: atomic { round == SETS -> break }
    od
  } unless { atomic { killed } }
}

#if MAXC > 0
proctype killer() {
  if
  :: killed = true
  :: skip
  fi
}
#endif

/* `timeout` is spin's word for: nobody else has a next step. */
proctype silence() {
end:
  do
  :: atomic {
      timeout && ((asleep[1] && missed[1]) || (asleep[2] && missed[2])) ->
#ifndef RECHECK
      assert(!missed[1] && !missed[2]); /* released */
#endif
      asleep[1] = false; asleep[2] = false
    }
  od
}

init {
  atomic {
    run waiter(1);
    run waiter(2);
    run setter();
#if MAXC > 0
    run killer();
#endif
    run silence()
  }
}
