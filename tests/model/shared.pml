/* SharedLock: readers count themselves before they look, writers name themselves before they look; anybody may die.
 *
 * Each step is one atomic operation on the word or on a count, or one decision of the kernel; between any two of them the
 * killer may strike and everybody else may run. The names at the steps are those of the C++: src/sync/shared_lock.cpp.
 * A sleeper watches the life of whom it waits for; who is woken is open. Waits have no deadline.
 *
 * What is checked
 *   exclusion    a writer that is inside is alone                                            (assertion `alone`)
 *   told         who comes in after a writer died inside, before one has released, is told   (assertion `told`); a writer
 *                that died while it was seen to wait for readers was never inside, and nobody is told of it
 *   no lost waiter: with RECHECK nobody sleeps in a silence of which one more look gets nobody on
 * Configuration
 *   MAXC         deaths in all
 *   TWO_WRITERS  and one reader, instead of one and two
 *   RECHECK      in a silence all sleepers look again
 *   JUMPS        a writer may leave its wait for readers by a jump, and anybody may, so many times, take one that waits for
 *                readers for such a one
 *   Defects, to see the checks fail: LOOK_FIRST (a reader looks before it counts), NO_DRAIN (a writer does not wait for
 *   readers), UNCONFIRMED (a writer that was passed over comes in), NO_TAINT, NO_PASS_ON (a reader that has slept wakes nobody)
 */
#ifndef MAXC
#define MAXC 0
#endif
#define N 3
#ifndef JUMPS
#define JUMPS 0
#endif
#ifdef TWO_WRITERS
#define WRITES(i) ((i) <= 2)
#else
#define WRITES(i) ((i) == 1)
#endif
#define NOBODY 0

byte writer;      /* the word: who; */
bool contended;   /*           its flags */
bool tainted;
bool draining;
bool counts[4];   /* of the readers */
bool dead[4];
bool inside[4];
bool asleep[4];
byte waits_for[4]; /* whose count a writer sleeps on; the word otherwise */
bool left[4];     /* a writer that has jumped out of its wait */
byte mistakes;    /* writers taken for such ones */
bool half_done;   /* what is guarded: a writer died inside */
byte deaths;
byte looks;        /* in the silence, since somebody got on */

#define LIVING_INSIDE(i) (inside[i] && !dead[i])
#define READER_INSIDE(i) (counts[i] && !dead[i])

inline wake_one() {
  /* Of those who sleep on the word one is woken, whichever. */
  if
  :: asleep[1] && waits_for[1] == NOBODY -> asleep[1] = false
  :: asleep[2] && waits_for[2] == NOBODY -> asleep[2] = false
  :: asleep[3] && waits_for[3] == NOBODY -> asleep[3] = false
  :: !(asleep[1] && waits_for[1] == NOBODY) && !(asleep[2] && waits_for[2] == NOBODY) &&
     !(asleep[3] && waits_for[3] == NOBODY) -> skip
  fi
}

/* The kernel wakes those who watch a life that ends; each passes it on, so in the end all look again. */
inline wake_all() {
  asleep[1] = false; asleep[2] = false; asleep[3] = false
}

/* Those who sleep on the count of `me`. */
inline wake_writers() {
  if
  :: waits_for[1] == me -> asleep[1] = false
  :: else
  fi;
  if
  :: waits_for[2] == me -> asleep[2] = false
  :: else
  fi
}

inline come_in(told) {
  inside[me] = true; looks = 0;
  assert(!half_done || told); /* told */
  assert(!(LIVING_INSIDE(1) && (LIVING_INSIDE(2) || LIVING_INSIDE(3)))); /* alone */
  assert(!(WRITES(2) && LIVING_INSIDE(2) && LIVING_INSIDE(3))) /* alone */
}

#define MAY_PASS_OVER(seen) (seen != NOBODY && writer == seen && draining && !dead[seen] && (left[seen] || mistakes < JUMPS))

inline pass_over(seen) {
  if
  :: left[seen] -> skip
  :: else -> mistakes++
  fi
}

/* Marks the word and sleeps on it, unless it has changed since it was seen. */
inline sleep_on_word(seen) {
  atomic {
    if
    :: writer == seen -> contended = true
    :: else -> goto again
    fi
  }
  atomic { waits_for[me] = NOBODY; asleep[me] = writer == seen && contended && !dead[seen] }
  slept = true
}

proctype write(byte me) {
  byte seen;
  bool slept = false;
  bool drains = false;
  {
    skip;
again:
    atomic {
      seen = writer;
      if
      :: seen == NOBODY -> writer = me; contended = slept; goto taken
      :: seen != NOBODY && dead[seen] ->
        writer = me; contended = true; tainted = tainted || !draining; draining = false; goto taken
      :: MAY_PASS_OVER(seen) -> pass_over(seen); writer = me; contended = true; draining = false; goto taken
      :: seen != NOBODY && !dead[seen] && !left[seen] -> skip
      fi
    }
    sleep_on_word(seen);
end_asleep:
    atomic { !asleep[me] -> goto again }
taken:
#ifndef NO_DRAIN
    atomic {
      if
      :: READER_INSIDE(2) -> seen = 2 /* a writer counts itself nowhere */
      :: !READER_INSIDE(2) && READER_INSIDE(3) -> seen = 3
      :: else -> goto drained
      fi
    }
    atomic {
      if
      :: writer != me -> drains = false; slept = true; goto again
      :: else -> draining = true; drains = true
      fi
    }
    if
    :: JUMPS != 0 -> atomic { left[me] = true; goto end_elsewhere }
    :: true -> skip
    fi;
    atomic { waits_for[me] = seen; asleep[me] = counts[seen] && !dead[seen] }
end_draining:
    atomic { !asleep[me] -> goto taken }
drained:
#endif
    atomic {
#ifndef UNCONFIRMED
      if
      :: drains && writer != me -> drains = false; slept = true; goto again
      :: else -> skip
      fi;
#endif
      draining = false; drains = false;
      come_in(tainted)
    }
    atomic { half_done = true }
    atomic { half_done = false; inside[me] = false }
    atomic { slept = contended; writer = NOBODY; contended = false; tainted = false }
    atomic {
      if
      :: slept -> wake_one()
      :: else
      fi
    };
    goto done;
end_elsewhere:
    dead[me]; /* for good */
done:
    skip
  } unless { atomic { dead[me] } }
}

proctype read(byte me) {
  byte seen;
  bool slept = false;
  {
    skip;
again:
#ifdef LOOK_FIRST
    atomic { seen = writer }
    atomic { counts[me] = true }
#else
    atomic { counts[me] = true }
    atomic { seen = writer }
#endif
    atomic {
      if
      :: seen == NOBODY -> come_in(tainted); goto in
      :: else
      fi
    }
    atomic { counts[me] = false }
    atomic { wake_writers() } /* one may sleep on this count */
    atomic {
      if
      :: dead[seen] && writer == seen ->
#ifndef NO_TAINT
        tainted = tainted || !draining;
#endif
        writer = NOBODY; contended = false; draining = false
      :: dead[seen] && writer != seen -> goto again
      :: MAY_PASS_OVER(seen) -> pass_over(seen); writer = NOBODY; contended = false; draining = false
      :: !dead[seen] && !(left[seen] && writer == seen && draining) -> goto sleeping
      fi
    }
    atomic { wake_all() }
    goto again;
sleeping:
    sleep_on_word(seen);
end_asleep:
    atomic { !asleep[me] -> goto again }
in:
#ifndef NO_PASS_ON
    atomic {
      if
      :: slept -> wake_one()
      :: else
      fi
    }
#endif
    atomic { counts[me] = false; inside[me] = false }
    atomic {
      if
      :: writer != NOBODY -> wake_writers()
      :: else
      fi
    }
  } unless { atomic { dead[me] } }
}

proctype killer() {
  byte victim;
  do
  :: atomic {
      deaths < MAXC ->
      if
      :: !dead[1] -> victim = 1
      :: !dead[2] -> victim = 2
      :: !dead[3] -> victim = 3
      :: dead[1] && dead[2] && dead[3] -> break
      fi;
      deaths++; dead[victim] = true; asleep[victim] = false; wake_all()
    }
  :: break
  od
}

/* `timeout` is spin's word for: nobody else has a next step. */
proctype silence() {
end:
  do
  :: atomic {
      timeout && (asleep[1] || asleep[2] || asleep[3]) ->
#ifdef RECHECK
      looks++;
      assert(looks < 3); /* nobody gets on */
      wake_all()
#else
      assert(false) /* lost */
#endif
    }
  od
}

init {
  atomic {
    run write(1);
#ifdef TWO_WRITERS
    run write(2);
#else
    run read(2);
#endif
    run read(3);
    run killer();
    run silence()
  }
}
