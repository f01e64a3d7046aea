/* FifoLock: the word, the places in line, who wakes whom, with death as one more concurrent thread.
 *
 * Each step is one atomic operation on shared memory or one decision of the kernel; between any two of them the killer
 * may strike and everybody else may run. Sequentially consistent. The names at the steps are those of the C++:
 * src/sync/fifo_lock.cpp, src/memory/waiting.cpp. What a slot says of one in line is read in one step, and so are the word
 * and whether its owner lives; life words are armed in the step that falls asleep.
 *
 * What is checked
 *   exclusion    nobody takes a lock whose holder is alive                                     (assertion in `takes`)
 *   told         who takes over from a dead holder is told, and nobody else is                 (assertion in `takes`)
 *   order        nobody takes it before a living waiter that drew its ticket before the taker's acquire began, or before
 *                the taker drew its own                                                        (assertion in `takes`)
 *   no loss      no state without a next step in which a living thread still sleeps            (spin's invalid end states)
 *   accounting   at the end the word is free, or its owner is dead                             (assertion in `init`)
 *   with RECHECK_SILENT: when nothing moves any more, all sleepers look again once, and that gets somebody on
 *                                                                                              (assertion in `recheck`)
 * Configuration
 *   W, R, MORE, MAXC     threads, rounds each, more rounds of thread 1 (1 if not given), deaths in all
 *   TIMEOUTS             any wait may have a deadline, which may pass at any instant
 *   STRANGER             nobody gives back what it took: one more, who never waits, does; it may die, and then another does
 *   HOLDERS_DIE, THE_LINE_DIES  only who holds the lock may die; only who does or has drawn a ticket and waits
 *   RECHECK_ANY          a sleeper may look again at any instant
 *   RECHECK_SILENT       all sleepers look again, but only when nothing else moves, as kRecheck sees to
 *   ATOMIC_POKE          what the code cannot do: a place is marked awake at the very instant of its wake
 *   WAKE_DRAWING         who draws is woken like everybody in line, in place of the first of those that sleep
 *   Defects, to see the checks fail: LEAVE_BLINDLY LEAVE_UNQUEUED_BLINDLY SLEEP_BLINDLY SLEEP_FIRST_IN_LINE LOOK_EARLY
 *                        DRAW_FIRST CLEAR_QUEUED NO_POKE BARGE UNTOLD NO_OWNER_WATCH NO_FELLOWS
 *   NO_PASS_ON           a death is not passed on; nothing is lost by that: whoever is woken wakes the first in line
 */
#ifndef W
#define W 3 /* 2 to 4 */
#endif
#ifndef R
#define R 1
#endif
#ifndef MORE
#define MORE 1
#endif
#define ROUNDS(i) (R + ((i) == 1 -> MORE : 0))
#ifndef MAXC
#define MAXC 0
#endif
#if defined(HOLDERS_DIE)
#define MAY_DIE(i) (holder == i)
#elif defined(THE_LINE_DIES)
#define MAY_DIE(i) ((line & BIT(i)) || holder == i)
#else
#define MAY_DIE(i) true
#endif

#define BIT(i) (1 << (i))
#define EVERYBODY (BIT(W + 1) - 2)

/* include/carom/detail/fifo_word.hpp. An id is a thread's number: nobody is reborn. Tickets do not come round. */
#define INHERITED 8
#define QUEUED 16
#define OWNER(word) ((word) & 7)
#define LAST(word) ((word) >> 5)
#define WITH_WAITER(word) (((word) | QUEUED) + 32)
#define HELD_BY(word, id, queued) (LAST(word) << 5 | (id) | (queued))
#define FREED(word) ((word) & ~(7 | INHERITED))
#define ASLEEP 8 /* PlaceWord */
#define DRAWING 16
#define TICKET(place) ((place) & 7)

byte word;         /* FifoLock::word_ */
byte place[W + 1]; /* Slot::place */
byte waiting;      /* Slot::waiting_on, one bit a thread */
byte marked;       /* life words that the kernel has marked: Standing::gone */
byte armed;        /* life words that carry FUTEX_WAITERS */
byte asleep;       /* who is in a kernel queue: that of its place, and of each life word it watches */
byte watched[W + 1];

/* The oracle's own; no thread acts on them. */
byte killed;       /* dead, whether the kernel has said so yet or not */
byte finished;     /* done with its rounds, or dead and marked */
byte holder;       /* from the step that takes the lock to the one that gives it back; 0: nobody */
byte line;         /* who has drawn a ticket and waits */
byte ahead[W + 1]; /* who has to have it before, or to leave */
#ifdef RECHECK_SILENT
bool moved_on = true;
#define MOVED_ON moved_on = true
#else
#define MOVED_ON skip
#endif

#define TO_BE_HAD(word) (!OWNER(word) || (marked & BIT(OWNER(word))))
#define IN_LINE(i, last) ((waiting & BIT(i)) && !(marked & BIT(i)) && TICKET(place[i]) <= (last))
#define OTHER(k) ((k) + ((k) >= me))

#define WOKEN(i) asleep = asleep & ~BIT(i); watched[i] = 0
#define SLEEPS_ON_LIFE(i, whose) ((asleep & BIT(i)) && (watched[i] & BIT(whose)))
/* FUTEX_WAKE of one, any of them: a sleeper joins the queues of its words one after the other. */
inline wake_sleeper_of_life(whose) {
  if
  :: SLEEPS_ON_LIFE(1, whose) -> WOKEN(1)
  :: SLEEPS_ON_LIFE(2, whose) -> WOKEN(2)
#if W > 2
  :: SLEEPS_ON_LIFE(3, whose) -> WOKEN(3)
#endif
#if W > 3
  :: SLEEPS_ON_LIFE(4, whose) -> WOKEN(4)
#endif
  :: else
  fi
}

inline no_longer_ahead() {
  line = line & ~BIT(me);
  ahead[1] = ahead[1] & ~BIT(me);
  ahead[2] = ahead[2] & ~BIT(me);
#if W > 2
  ahead[3] = ahead[3] & ~BIT(me);
#endif
#if W > 3
  ahead[4] = ahead[4] & ~BIT(me);
#endif
  ahead[me] = 0
}
/* Part of the CAS that makes `me` the owner; `from` is whom it is told to have taken over from, 0 if from nobody. */
#ifdef UNTOLD
#define TOLD(from) 0
#else
#define TOLD(from) from
#endif
inline takes(from) {
  d_step {
    assert(!holder || (killed & BIT(holder))); /* exclusion */
    assert(holder == from);                    /* told */
    assert(!(ahead[me] & ~killed));            /* order */
    holder = me;
    no_longer_ahead();
    MOVED_ON
  }
}

/* FifoLock::wake_first, each_in_line, wake. One's own place nobody else moves, so it may as well be read first. */
#ifdef WAKE_DRAWING
#define IS_DRAWING(i) false
#else
#define IS_DRAWING(i) (place[i] & DRAWING)
#endif
inline consider(i) {
  if
  :: IN_LINE(i, last) && !IS_DRAWING(i) && (!first || TICKET(place[i]) < earliest || (TICKET(place[i]) == earliest && i < first)) ->
    first = i; earliest = TICKET(place[i])
  :: else
  fi
}
#define TO_WAKE ((word & QUEUED) && TO_BE_HAD(word))
#define TO_POKE (first && (place[first] & ASLEEP))
inline wake_first() {
  if
  :: d_step {
       TO_WAKE -> last = LAST(word);
       if
       :: me <= W -> consider(me)
       :: else -> consider(W)
       fi
     }
     d_step { consider(OTHER(1)) }
#if W > 2
     d_step { consider(OTHER(2)) }
#endif
#if W > 3
     d_step { consider(OTHER(3)) }
#endif
     if
     :: d_step {
          TO_POKE -> place[first] = place[first] & ~ASLEEP; last = 0; earliest = 0;
#ifndef ATOMIC_POKE
        }
        d_step {
#endif
          if
          :: asleep & BIT(first) -> WOKEN(first)
          :: else
          fi;
          first = 0
        }
     :: d_step { !TO_POKE -> first = 0; last = 0; earliest = 0 }
     fi
  :: atomic { !TO_WAKE }
  fi
}

/* Place::others: `before`, who is before `me`, one bit each; `others`, whether anybody else is in line. */
inline other(i) {
  if
  :: IN_LINE(i, LAST(seen)) ->
    others = true;
    if
    :: !queued || TICKET(place[i]) < TICKET(place[me]) -> before = before | BIT(i)
    :: else
    fi
  :: else
  fi
}
#if W > 3
#define OTHERS d_step { other(OTHER(1)) } d_step { other(OTHER(2)) }
#elif W > 2
#define OTHERS d_step { other(OTHER(1)) }
#else
#define OTHERS
#endif

proctype thread(byte me) {
  byte seen, before, first, earliest, last, i, round;
  bool others, queued, deadline, expired, acquired, gone;
  {
    ahead[me] = 0;
  next_round:
    atomic {
      acquired = false; deadline = false;
      if
      :: round == ROUNDS(me) -> finished = finished | BIT(me); round = 0; goto finish
      :: else -> round++
      fi;
#ifdef TIMEOUTS
      if :: deadline = false :: deadline = true fi;
#endif
      ahead[me] = line;
      if /* try_take, the fast path */
      :: !OWNER(word) && !(word & QUEUED) -> word = HELD_BY(word, me, 0); takes(0); goto give
      :: else
      fi
    }

  look: /* FifoLock::take */
    atomic {
      seen = word;
      gone = OWNER(seen) && (marked & BIT(OWNER(seen)));
      if
      :: TO_BE_HAD(seen)
      :: else -> goto must_wait
      fi
    }
    OTHERS
    atomic {
      d_step { other(OTHER(W - 1)) }
      if
#ifdef BARGE
      :: before && (queued || OWNER(seen)) -> before = 0; others = false; goto come_upon
#else
      :: before -> before = 0; others = false; goto come_upon
#endif
      :: else
      fi
    }
    atomic {
      before = 0;
      if
      :: word != seen -> others = false; goto look
      :: else ->
#ifdef CLEAR_QUEUED
        others = false;
#endif
        word = HELD_BY(seen, me, (others -> QUEUED : 0)) | (OWNER(seen) -> INHERITED : 0);
        takes(TOLD(OWNER(seen)));
        others = false; acquired = true;
        goto leave
      fi
    }
  come_upon:
#ifndef NO_POKE
    wake_first();
#endif

  must_wait:
    atomic {
      if
      :: deadline -> goto leave
      :: !expired
      fi;
      if
      :: queued -> goto sleep
      :: else
      fi
#ifdef DRAW_FIRST
    }
    atomic {
#else
      ;
      /* Place::queue. A place that is not announced nobody reads. */
      place[me] = (LAST(seen) + 1) | DRAWING;
      waiting = waiting | BIT(me)
    }
    atomic {
#endif
      if
      :: word == seen -> word = WITH_WAITER(seen); queued = true; ahead[me] = line; line = line | BIT(me)
      :: else
      fi;
#ifndef DRAW_FIRST
      if
      :: queued
      :: else -> goto look
      fi
    }
    atomic { place[me] = place[me] & ~DRAWING; goto look } /* look_awake */
#else
    }
    atomic {
      if
      :: queued -> place[me] = LAST(seen) + 1; waiting = waiting | BIT(me)
      :: else
      fi;
      goto look
    }
#endif

  sleep:
    place[me] = place[me] | ASLEEP; /* look_asleep */
#if !defined(SLEEP_BLINDLY) && defined(LOOK_EARLY)
    atomic {
      if
      :: word == seen
      :: else -> goto awake
      fi
    }
#endif
    OTHERS
    atomic {
      d_step { other(OTHER(W - 1)); others = false }
#ifndef SLEEP_FIRST_IN_LINE
      if
      :: !before && TO_BE_HAD(seen) -> goto awake
      :: else
      fi
#endif
    }
#if !defined(SLEEP_BLINDLY) && !defined(LOOK_EARLY)
    atomic {
      if
      :: word == seen
      :: else -> goto awake
      fi
    }
#endif
    /* Waiting::sleep, about_to_sleep. The kernel joins the queues one by one and compares each word as it does; here it is
       one step, which has fewer comparisons that fail and so fewer ways to be saved. */
    d_step {
#ifdef NO_FELLOWS
      before = 0;
#endif
#ifndef NO_OWNER_WATCH
      before = before | (gone -> 0 : BIT(OWNER(seen)) & ~1);
#endif
      if
      :: (place[me] & ASLEEP) && !(before & marked) ->
        armed = armed | before;
        watched[me] = before;
        asleep = asleep | BIT(me)
      :: else -> before = 0
      fi;
      seen = 0; gone = false
    }
    atomic {
      if
      :: !(asleep & BIT(me))
      :: deadline && (asleep & BIT(me)) -> WOKEN(me); expired = true
#ifdef RECHECK_ANY
      :: asleep & BIT(me) -> WOKEN(me)
#endif
      fi;
#ifdef NO_PASS_ON
      before = 0;
#else
      before = before & marked; /* all read at once, and so each of them as early as can be */
#endif
      if
      :: before
      :: else -> goto awake
      fi
    }
    /* woken. WatchList::pass_on_deaths, LifeWord::pass_on */
    do
    :: atomic {
        d_step {
          do
          :: before & BIT(i) -> before = before & ~BIT(i); break
          :: else -> i++
          od
        }
        if
        :: armed & BIT(i) -> wake_sleeper_of_life(i)
        :: else
        fi;
        i = 0;
        if
        :: before
        :: else -> goto awake
        fi
      }
    od;
  awake:
    atomic { place[me] = place[me] & ~ASLEEP; before = 0; seen = 0; gone = false; goto look }

  leave:
    atomic {
#if defined(LEAVE_BLINDLY)
      queued = false;
#elif !defined(LEAVE_UNQUEUED_BLINDLY)
      queued = (waiting & BIT(me)) != 0;
#endif
      waiting = waiting & ~BIT(me);
      d_step {
        place[me] = 0;
        no_longer_ahead();
        MOVED_ON;
        seen = 0; gone = false; deadline = false; expired = false
      }
      if
      :: queued -> queued = false
      :: !queued && acquired -> goto give
      :: !queued && !acquired -> goto next_round
      fi
    }
    wake_first();
    if
    :: atomic { !acquired -> goto next_round }
    :: atomic { acquired }
    fi;

  give:
#ifdef STRANGER
    goto next_round;
#else
    atomic {
      assert(holder == me && OWNER(word) == me);
      holder = 0;
      acquired = false; deadline = false;
      word = FREED(word);
      if
      :: word & QUEUED
      :: else -> goto next_round
      fi
    }
    wake_first();
    goto next_round;
#endif

  finish:
    i = 0
  } unless {
    /* The kernel, some time after the kill. Until it takes the dead out of its queues, a wake may still go to them. */
    d_step {
      (killed & BIT(me)) ->
      WOKEN(me);
      seen = 0; gone = false; before = 0; first = 0; earliest = 0; last = 0; i = 0; round = 0;
      others = false; queued = false; deadline = false; expired = false; acquired = false
    }
    /* handle_futex_death: mark, then wake one if somebody had armed it. What is in the slot of a dead one nobody heeds. */
    d_step {
      marked = marked | BIT(me); seen = armed & BIT(me);
      waiting = waiting & ~BIT(me); place[me] = 0; ahead[me] = 0
    }
    atomic {
      if
      :: seen -> wake_sleeper_of_life(me)
      :: else
      fi;
      seen = 0; gone = false; finished = finished | BIT(me); MOVED_ON
    }
  }
}

#ifdef STRANGER
/* FifoLock::give, by one that has nothing to do with the owner; once it is dead another does it. */
#define ITS_TURN(i) ((i) == W + 1 || (killed & BIT(W + 1)))
proctype stranger(byte me) {
  byte first, earliest, last;
  {
end:
    do
    :: atomic {
         OWNER(word) && ITS_TURN(me) ->
         holder = 0;
         word = FREED(word)
       }
       wake_first()
    od
  } unless { (killed & BIT(me)) }
}
#define LAST_MORTAL (W + 1)
#else
#define LAST_MORTAL W
#endif

#if MAXC > 0
proctype killer() {
  byte deaths, i;
  do
  :: atomic {
      i = 1;
      do
      :: i < LAST_MORTAL -> i++
      :: break
      od;
      if
      :: !((killed | finished) & BIT(i)) && MAY_DIE(i) -> killed = killed | BIT(i); deaths++
      :: else
      fi;
      i = 0;
      if
      :: deaths == MAXC -> deaths = 0; break
      :: else
      fi
    }
  :: atomic { deaths = 0; break }
  od
}
#endif

#ifdef RECHECK_SILENT
/* `timeout` is spin's word for: nobody else has a next step. One look in such a silence has to be enough. */
proctype recheck() {
end:
  do
  :: atomic { timeout && asleep -> assert(moved_on); moved_on = false; asleep = 0 }
  od
}
#endif

init {
  byte i = 1;
  atomic {
    do
    :: i <= W -> run thread(i); i++
    :: else -> i = 0; break
    od;
#ifdef STRANGER
    run stranger(W + 1);
#if MAXC > 0
    run stranger(W + 2);
#endif
#endif
#if MAXC > 0
    run killer();
#endif
#ifdef RECHECK_SILENT
    run recheck();
#endif
  }
  atomic {
    finished == EVERYBODY ->
#ifndef STRANGER
    assert(!OWNER(word) || (marked & BIT(OWNER(word))))
#endif
  }
}
