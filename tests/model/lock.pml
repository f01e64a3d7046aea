/* The lock word, the life words and the one way to wait, with death as one more concurrent thread.
 *
 * Each step is one atomic operation on shared memory or one decision of the kernel; between any two of them the
 * killer may strike and everybody else may run. Sequentially consistent: nothing here is about memory orders. The
 * names at the steps are those of the C++: src/sync/raw_lock.cpp, src/memory/waiting.cpp, src/memory/roster.hpp,
 * src/platform/life_word.cpp.
 *
 * What is checked
 *   exclusion    nobody takes a word whose holder is alive                                  (assertion in `takes`)
 *   told         what a dead thread held is next taken over from that one, by whoever it is (assertion in `takes`)
 *   no loss      no state without a next step in which a living thread still sleeps         (spin's invalid end states)
 *   accounting   at the end each word is free, or its owner is dead                         (assertion in `init`)
 *   with RECHECK_SILENT: when nothing moves any more, all sleepers look again once, and that gets somebody on
 *                                                                                        (assertion in `recheck`)
 * Configuration
 *   N, R, MAXC           actors, rounds each (actor 1 has one more, so that it may barge), deaths in all
 *   TIMEOUTS             any wait may have a deadline, which may pass at any instant
 *   TWO_LOCKS            actor 1 holds lock 0 while it takes lock 1; actor 2 uses lock 0, the others lock 1
 *   FIFO                 the kernel wakes the sleepers of a word in the order in which they fell asleep, as it does for
 *                        threads of equal priority; without it, any of them
 *   RECHECK_ANY          a sleeper may look again at any instant
 *   RECHECK_SILENT       all sleepers look again, but only when nothing else moves, as kRecheck sees to
 *   KEEP                 who gives a contended word back may keep it for those who sleep. Who has not slept waits a moment
 *                        before it takes a kept word; here it may take it at any instant
 *   OMIT                 the kernel's mark of one death may never come. Who looks again by the re-check asks for the
 *                        identity of the owner that it finds, and declares it dead (witness.pml)
 *   ATOMIC_WATCH         what the code cannot do: fellows are looked up at the very instant of falling asleep
 *   Defects, to see the checks fail: NO_FELLOWS NO_OWNER_WATCH NO_ARM NO_PASS_ON TAKE_UNMARKED LEAVE_UNMARKED
 *                        DOUBT_THE_LIVING UNTOLD NO_TAKEOVER; with OMIT, NO_SECOND_WITNESS
 *                        ASK_THE_WATCHED (who looks again asks about those it watched, not about the owner it finds)
 */
#ifndef N
#define N 3 /* 2 to 5 */
#endif
#ifndef R
#define R 1
#endif
#define ROUNDS(i) (R + ((i) == 1 -> 1 : 0))
#ifndef MAXC
#define MAXC 0
#endif
#ifdef TWO_LOCKS
#define LOCKS 2
#define NESTS(i) ((i) == 1)
#define FIRST_LOCK(i) ((i) > 2 -> 1 : 0)
#else
#define LOCKS 1
#define NESTS(i) false
#define FIRST_LOCK(i) 0
#endif

#define BIT(i) (1 << (i))
#define EVERYBODY (BIT(N + 1) - 2)

/* include/carom/detail/lock_word.hpp. An id is an actor's number: nobody is reborn, so no generation. */
#define FREE 0
#define CONTENDED 8
#define INHERITED 16
#define OWNER(word) ((word) & 7)
#define KEPT CONTENDED
#define IS_FREE(word) ((word) == FREE || (word) == KEPT)

byte word[LOCKS];    /* RawLock::word_ */
byte waiting[LOCKS]; /* Slot::waiting_on, one bit an actor */
byte marked;         /* life words that the kernel has marked */
#ifdef OMIT
byte declared; /* who was declared dead after a question to the second witness */
byte asks;     /* whose sleep has ended by the clock */
bool omitted;  /* the one mark that never comes */
#define DEAD (marked | declared) /* Standing::gone */
#define UNCHANGED(list) (!(marked & (list)) && !((list) & ~armed))
#define ACCOUNTED killed
#else
#define DEAD marked
#define UNCHANGED(list) (!(marked & (list)))
#define ACCOUNTED marked
#endif
byte armed;          /* life words that carry FUTEX_WAITERS */
byte asleep;         /* who is in a kernel queue: that of the word it waits for, and of each life word it watches */
byte watched[N + 1]; /* the life words in the WatchList of one's sleep */
#ifdef FIFO
byte before[N + 1]; /* who lay in the word's queue already when one fell asleep */
#endif

/* The oracle's own; no actor acts on them. */
byte killed;        /* dead, whether the kernel has said so yet or not */
byte finished;      /* done with its rounds, or dead and marked */
byte holder[LOCKS]; /* from the step that takes the word to the one that gives it back; 0: nobody */
#ifdef RECHECK_SILENT
bool moved_on = true;
#define MOVED_ON moved_on = true
#else
#define MOVED_ON skip
#endif

/* FUTEX_WAKE of one. */
#ifdef FIFO
#define NEXT_UP(i, lock) ((before[i] & asleep & waiting[lock]) == 0)
#define WOKEN(i) asleep = asleep & ~BIT(i); watched[i] = 0; before[i] = 0
#else
#define NEXT_UP(i, lock) true
#define WOKEN(i) asleep = asleep & ~BIT(i); watched[i] = 0
#endif
#define SLEEPS_ON_WORD(i, lock) ((asleep & waiting[lock] & BIT(i)) && NEXT_UP(i, lock))
#define SLEEPS_ON_LIFE(i, whose) ((asleep & BIT(i)) && (watched[i] & BIT(whose)))

inline wake_sleeper_of_word(lock) {
  atomic {
    if
    :: SLEEPS_ON_WORD(1, lock) -> WOKEN(1)
    :: SLEEPS_ON_WORD(2, lock) -> WOKEN(2)
#if N > 2
    :: SLEEPS_ON_WORD(3, lock) -> WOKEN(3)
#endif
#if N > 3
    :: SLEEPS_ON_WORD(4, lock) -> WOKEN(4)
#endif
#if N > 4
    :: SLEEPS_ON_WORD(5, lock) -> WOKEN(5)
#endif
    :: else
    fi
  }
}

/* Any of them even with FIFO: a sleeper joins the queues of its words one after the other. */
inline wake_sleeper_of_life(whose) {
  atomic {
    if
    :: SLEEPS_ON_LIFE(1, whose) -> WOKEN(1)
    :: SLEEPS_ON_LIFE(2, whose) -> WOKEN(2)
#if N > 2
    :: SLEEPS_ON_LIFE(3, whose) -> WOKEN(3)
#endif
#if N > 3
    :: SLEEPS_ON_LIFE(4, whose) -> WOKEN(4)
#endif
#if N > 4
    :: SLEEPS_ON_LIFE(5, whose) -> WOKEN(5)
#endif
    :: else
    fi
  }
}

#ifdef UNTOLD
#define TOLD(from) 0
#else
#define TOLD(from) from
#endif
/* Part of the CAS that makes `me` the owner; `from` is whom it is told to have taken over from, 0 if from nobody. */
inline takes(lock, from) {
  assert(!holder[lock] || (killed & BIT(holder[lock]))); /* exclusion */
  assert(holder[lock] == from);                         /* told */
  holder[lock] = me;
  MOVED_ON
}

/* WatchList::add(fellow), LifeWord::arm(): one CAS. */
#ifdef NO_ARM
#define ARM(whose) skip
#else
#define ARM(whose) armed = armed | BIT(whose)
#endif
inline watch_if_fellow(whose) {
  if
  :: (waiting[lock] & BIT(whose)) && !(DEAD & BIT(whose)) -> ARM(whose); list = list | BIT(whose)
  :: else
  fi
}

#ifdef OMIT
#define NO_LONGER_ASKS asks = asks & ~BIT(me)
/* The second witness says "ending" or "gone" of all who were killed. Then LifeWord::send_away. */
inline ask_identity(whose) {
  atomic {
    if
#ifndef NO_SECOND_WITNESS
    :: (asks & BIT(me)) && (whose & killed & ~declared) -> told = whose & killed & ~declared; declared = declared | told
#endif
    :: else
    fi
  }
  atomic { armed = armed & ~told }
  atomic {
    do
    :: told && (asleep & BIT(i + 1)) && (watched[i + 1] & told) -> WOKEN(i + 1)
    :: told && !((asleep & BIT(i + 1)) && (watched[i + 1] & told)) && i + 1 < N -> i++
    :: else -> break
    od;
    i = 0; told = 0
  }
}
#else
#define NO_LONGER_ASKS skip
#endif

proctype actor(byte me) {
  byte lock, seen, list, i, round;
  bool has_slept, deadline, expired;
#ifdef OMIT
  byte told;
#endif
  {
    lock = FIRST_LOCK(me);
  next_round:
    atomic {
      if
      :: round == ROUNDS(me) -> goto leave
      :: else -> round++
      fi
    }

  take: /* RawLock::take; the first step is try_take, the fast path */
    atomic {
#ifdef TIMEOUTS
      if :: deadline = false :: deadline = true fi;
#endif
      if
      :: word[lock] == FREE -> word[lock] = me; takes(lock, 0); goto acquired
      :: else
      fi
    }

  look:
    atomic {
      seen = word[lock];
      if
      :: IS_FREE(seen)
      :: else -> goto occupied
      fi
    }
    atomic { /* LockWord::held_by */
      if
      :: word[lock] == seen ->
#ifdef TAKE_UNMARKED
        word[lock] = me;
#else
        word[lock] = me | (has_slept || seen == KEPT -> CONTENDED : 0);
#endif
        takes(lock, 0);
        goto acquired
      :: else -> goto look
      fi
    }

  occupied:
#if defined(OMIT) && !defined(ASK_THE_WATCHED)
    ask_identity(BIT(OWNER(seen)));
    atomic { NO_LONGER_ASKS }
#endif
    /* Roster::standing */
    atomic {
      if
#if defined(DOUBT_THE_LIVING)
      :: true
#elif defined(NO_TAKEOVER)
      :: false
#else
      :: DEAD & BIT(OWNER(seen))
#endif
      :: else -> goto must_wait
      fi
    }
    atomic { /* LockWord::taken_over_by */
      if
      :: word[lock] == seen -> word[lock] = me | INHERITED | CONTENDED; takes(lock, TOLD(OWNER(seen))); goto acquired
      :: else -> goto look
      fi
    }

  must_wait:
    atomic {
      if
      :: !has_slept && deadline -> goto timed_out /* it asked once, and leaves no trace */
#ifdef LEAVE_UNMARKED
      :: has_slept && deadline -> goto timed_out
#endif
      :: true
      fi;
      if /* LockWord::with_contended */
      :: seen & CONTENDED
      :: else ->
        if
        :: word[lock] == seen -> seen = seen | CONTENDED; word[lock] = seen
        :: else -> goto look
        fi
      fi
    }
    /* Waiting::sleep */
    atomic {
      if
      :: deadline -> goto timed_out
      :: true
      fi;
      waiting[lock] = waiting[lock] | BIT(me);
      has_slept = true
    }
#ifndef NO_OWNER_WATCH
    atomic { /* WatchList::add(owner) */
      if
      :: DEAD & BIT(OWNER(seen)) -> goto look
      :: else -> ARM(OWNER(seen)); list = BIT(OWNER(seen))
      fi
    }
#endif
#if !defined(NO_FELLOWS) && !defined(ATOMIC_WATCH)
    /* Roster::each_fellow: from the slot after one's own. Reading waiting_on and arming are one step here: whoever
       stops waiting in between would only be watched without need. At most 4 others, so the list never fills up. */
    do
    :: atomic { i < N - 1 -> i++; watch_if_fellow((me + i - 1) % N + 1) }
    :: atomic { i == N - 1 -> i = 0; break }
    od;
#endif
    /* about_to_sleep. The kernel joins the queues one by one and compares each word as it does; here it is one step at
       the first of them, which has fewer comparisons that fail and so fewer ways to be saved. */
    atomic {
#if defined(ATOMIC_WATCH) && !defined(NO_FELLOWS)
      do
      :: i < N - 1 -> i++; watch_if_fellow((me + i - 1) % N + 1)
      :: else -> i = 0; break
      od;
#endif
      if
      :: word[lock] == seen && UNCHANGED(list) ->
#ifdef FIFO
        before[me] = asleep & waiting[lock];
        i = 1;
        do
        :: i <= N -> before[i] = before[i] & ~BIT(me); i++
        :: else -> i = 0; break
        od;
#endif
        watched[me] = list;
        asleep = asleep | BIT(me)
      :: else
      fi;
      seen = 0
    }
    atomic {
      if
      :: !(asleep & BIT(me))
      :: deadline && (asleep & BIT(me)) -> WOKEN(me); expired = true
#ifdef RECHECK_ANY
#ifdef OMIT
      :: asleep & BIT(me) -> WOKEN(me); asks = asks | BIT(me)
#else
      :: asleep & BIT(me) -> WOKEN(me)
#endif
#endif
      fi;
#if defined(OMIT) && defined(ASK_THE_WATCHED)
    }
    ask_identity(list);
    atomic {
      NO_LONGER_ASKS;
#endif
#ifdef NO_PASS_ON
      list = 0
#else
      list = list & DEAD /* all read at once, and so each of them as early as can be */
#endif
    }
    /* woken. WatchList::pass_on_deaths, LifeWord::pass_on */
    do
    :: atomic {
        list ->
        do
        :: list & BIT(i) -> list = list & ~BIT(i); break
        :: else -> i++
        od;
        if
        :: armed & BIT(i) -> wake_sleeper_of_life(i)
        :: else
        fi;
        i = 0
      }
    :: atomic { !list -> break }
    od;
    /* The kernel says "timed out" only to whom nobody woke, so that one has no wake to hand on. */
    atomic {
      if
      :: expired -> goto timed_out
      :: else -> goto look
      fi
    }

  timed_out: /* ~Waiting */
    atomic {
      MOVED_ON;
      waiting[lock] = waiting[lock] & ~BIT(me);
      has_slept = false; deadline = false; expired = false; seen = 0; list = 0; NO_LONGER_ASKS;
      if
      :: NESTS(me) && lock == 1 -> lock = 0; goto give
      :: else -> goto next_round
      fi
    }

  acquired:
    atomic {
      waiting[lock] = waiting[lock] & ~BIT(me); /* ~Waiting */
      has_slept = false; deadline = false; seen = 0; list = 0; NO_LONGER_ASKS;
      if
      :: NESTS(me) && lock == 0 -> lock = 1; goto take
      :: else
      fi
    }

  give: /* RawLock::give */
    atomic {
      assert(holder[lock] == me && OWNER(word[lock]) == me);
      holder[lock] = 0;
      seen = word[lock];
      word[lock] = FREE;
      if
      :: seen & CONTENDED
      :: else -> goto given
      fi
    }
#ifdef KEEP
    atomic { /* RawLock::wake_one */
      seen = 0;
      if
      :: word[lock] == FREE -> word[lock] = KEPT; seen = KEPT
      :: true
      fi
    }
    atomic {
      if
      :: asleep & waiting[lock] -> seen = 0
      :: else
      fi;
      wake_sleeper_of_word(lock)
    }
    atomic {
      if
      :: seen == KEPT && word[lock] == KEPT -> word[lock] = FREE
      :: else
      fi
    }
#else
    wake_sleeper_of_word(lock);
#endif

  given:
    atomic {
      seen = 0;
      if
      :: NESTS(me) && lock == 1 -> lock = 0; goto give
      :: else -> goto next_round
      fi
    }

  leave:
    finished = finished | BIT(me)
  } unless {
    /* The kernel, some time after the kill. Until it takes the dead out of its queues, a wake may still go to them. */
    atomic {
      (killed & BIT(me)) ->
      WOKEN(me);
      lock = 0; seen = 0; list = 0; i = 0; round = 0; has_slept = false; deadline = false; expired = false
    }
    /* handle_futex_death: mark, then wake one if somebody had armed it. */
#ifdef OMIT
    atomic {
      NO_LONGER_ASKS; told = 0;
      if
      :: !omitted -> omitted = true
      :: marked = marked | BIT(me); seen = armed & BIT(me)
      fi
    }
#else
    atomic { marked = marked | BIT(me); seen = armed & BIT(me) }
#endif
    atomic {
      if
      :: seen -> wake_sleeper_of_life(me)
      :: else
      fi
    }
    atomic { seen = 0; finished = finished | BIT(me); MOVED_ON }
  }
}

#if MAXC > 0
proctype killer() {
  byte deaths, i;
  do
  :: atomic {
      i = 1;
      do
      :: i < N -> i++
      :: break
      od;
      if
      :: !((killed | finished) & BIT(i)) -> killed = killed | BIT(i); deaths++
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
#ifdef OMIT
  :: atomic { timeout && asleep -> assert(moved_on); moved_on = false; asks = asleep; asleep = 0 }
#else
  :: atomic { timeout && asleep -> assert(moved_on); moved_on = false; asleep = 0 }
#endif
  od
}
#endif

init {
  byte i = 1;
  atomic {
    do
    :: i <= N -> run actor(i); i++
    :: else -> break
    od;
#if MAXC > 0
    run killer();
#endif
#ifdef RECHECK_SILENT
    run recheck();
#endif
  }
  atomic {
    finished == EVERYBODY ->
    i = 0;
    do
    :: i < LOCKS -> assert(IS_FREE(word[i]) || (ACCOUNTED & BIT(OWNER(word[i])))); i++
    :: else -> break
    od
  }
}
