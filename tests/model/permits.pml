/* Counted permits with holders: the word, the holdings in the slots, and what comes back from the dead.
 *
 * Each step is one atomic operation on shared memory or one decision of the kernel; between any two of them the killer
 * may strike and everybody else may run. Sequentially consistent. The names at the steps are those of the C++:
 * include/carom/detail/permits.hpp, src/sync/permits.cpp, src/memory/settlement.{hpp,cpp}.
 *
 * What is checked
 *   conservation  at every instant what is free and what is had add up; each permit comes back once     (`counted`)
 *   the estate    who gives back for a dead holder gives what that one had, never twice                 (`give_all_back`)
 *   noted         a holder never takes back what somebody else has noted of it                          (`note_take`)
 *   settled       at the end the dead hold nothing, and each holding of the living says what it had     (`heir`)
 *   no loss       nobody sleeps beside a free permit, or one of the dead, for ever                      (`silence`)
 * Configuration
 *   N, R, MAXC, INITIAL  actors, rounds of take and give each, deaths in all, permits
 *   DEEP                 actor 1 takes two before it gives two back
 *   BARE                 actor N takes and gives without a holding (and is not killed while it has a permit: that one
 *                        would be gone for ever, as documented)
 *   FOREIGN              bounded: actor N only releases, once, a permit that it does not hold
 *   TAGS                 the word keeps a tag modulo that; 64 is more than there are changes
 *   ESTATE               actor 1 is dead already: it took all permits, and died before it noted the last of them
 *   ASK_ONCE             nobody sleeps: who finds no permit, and none to be had from the dead, gives up
 *   TIMEOUTS             any wait may have a deadline, which may pass at any instant
 *   RECHECK              in a silence all sleepers look again; one such look has to get somebody on
 *   HEIR                 somebody claims the slots of the dead, and settles them, while everything else goes on
 *   Defects, to see the checks fail: NO_SETTLE NO_REREAD NO_TAGS
 */
#ifndef N
#define N 3 /* 2 or 3 */
#endif
#ifndef R
#define R 1
#endif
#ifndef MAXC
#define MAXC 0
#endif
#ifndef INITIAL
#define INITIAL 1
#endif
#ifndef TAGS
#define TAGS 64
#endif
#ifdef DEEP
#define DEPTH(i) ((i) == 1 -> 2 : 1)
#else
#define DEPTH(i) 1
#endif

#ifdef BARE
#define HOLDS(i) ((i) != N)
#else
#define HOLDS(i) true
#endif

#define BIT(i) (1 << (i))
#define EVERYBODY (BIT(N + 1) - 2)

/* PermitWord: value, contended, debt, stamp. Slots are actors. */
#define VALUE(w) ((w) & 3)
#define CONTENDED 4
#define DEBT(w) (((w) >> 3) & 3)
#define ONE_DEBT 8
#define LOW_HALF(w) ((w) & 31)
#define CHANGE(w) (((w) >> 5) & 3)
#define SLOT(w) (((w) >> 7) & 3)
#define TAG(w) ((w) >> 9)
#define LOW_TAG(t) ((t) & (TAGS - 1))
#define STAMPED(w, change, slot, tag) (LOW_HALF(w) | ((change) << 5) | ((slot) << 7) | (LOW_TAG(tag) << 9))
#define NONE 0
#define TAKE 1
#define GIVE 2
#define GIVE_ALL 3

/* HoldingState: count, tag. */
#define COUNT(h) ((h) & 3)
#define TAG_OF(h) ((h) >> 2)
#define HOLDING(count, tag) ((count) | ((tag) << 2))
#define COUNT_AFTER(h, change) ((change) == GIVE_ALL -> 0 : COUNT(h) + ((change) == TAKE -> 1 : 0) - ((change) == GIVE -> 1 : 0))
#define AFTER(h, change) HOLDING(COUNT_AFTER(h, change), TAG_OF(h) + 1)

/* The last change was the one with the tag that the holding has noted; or the one after it. */
#define BEARS(w, slot, h) (SLOT(w) == (slot) && TAG(w) == LOW_TAG(TAG_OF(h)))
#ifdef NO_TAGS
#define BEARS_NEXT(w, slot, h) (CHANGE(w) != NONE && SLOT(w) == (slot))
#else
#define BEARS_NEXT(w, slot, h) (CHANGE(w) != NONE && SLOT(w) == (slot) && TAG(w) == LOW_TAG(TAG_OF(h) + 1))
#endif

short word = INITIAL;
short holding[N + 1];
byte marked;         /* life words that the kernel has marked */
byte armed;          /* life words that carry FUTEX_WAITERS */
byte waiting;        /* who says in its slot that it waits */
byte asleep;         /* who is in the kernel's queue: of the word, and of each life word it watches */
byte watched[N + 1];

/* The oracle's own; no actor acts on them. */
byte killed, finished;
byte has[N + 1]; /* permits taken and not given: from the step that changes the word to the one that changes it back */
bool moved_on = true;

inline counted() {
  assert(VALUE(word) + has[1] + has[2] + has[N] * (N > 2 -> 1 : 0) == INITIAL + DEBT(word) && VALUE(word) <= INITIAL)
}

#define WOKEN(i) asleep = asleep & ~BIT(i); watched[i] = 0
#define SLEEPS_ON_LIFE(i, whose) ((asleep & BIT(i)) && (watched[i] & BIT(whose)))

/* FUTEX_WAKE of one; `slept`: whether there was one. */
inline wake_sleeper(slept) {
  if
  :: asleep & BIT(1) -> WOKEN(1); slept = true
  :: asleep & BIT(2) -> WOKEN(2); slept = true
#if N > 2
  :: asleep & BIT(3) -> WOKEN(3); slept = true
#endif
  :: !asleep -> slept = false
  fi
}
inline wake_sleeper_of_life(whose) {
  if
  :: SLEEPS_ON_LIFE(1, whose) -> WOKEN(1)
  :: SLEEPS_ON_LIFE(2, whose) -> WOKEN(2)
#if N > 2
  :: SLEEPS_ON_LIFE(3, whose) -> WOKEN(3)
#endif
  :: else
  fi
}

/* Of whoever's stamp is in `seen`, before that is written over. `theirs` is -1 when there is nothing to note. */
inline settle_stamp() {
  atomic {
    theirs = (CHANGE(seen) != NONE -> holding[SLOT(seen)] : -1);
    if
    :: theirs != -1 && !BEARS_NEXT(seen, SLOT(seen), theirs) -> theirs = -1
    :: else
    fi
  }
  if
  :: atomic { theirs != -1 && word == seen } /* read again */
     atomic {
       if
       :: holding[SLOT(seen)] == theirs -> holding[SLOT(seen)] = AFTER(theirs, CHANGE(seen))
       :: else
       fi;
       theirs = 0
     }
  :: atomic { theirs == -1 || word != seen -> theirs = 0 }
  fi
}

/* give_all_back of the holding of `dead`; `given` if it gave any. */
inline give_all_back() {
  do
  :: atomic { state = holding[dead] }
     atomic { seen = word }
     if
     :: atomic { BEARS_NEXT(seen, dead, state) ->
          if
          :: holding[dead] == state -> holding[dead] = AFTER(state, CHANGE(seen))
          :: else
          fi
        }
     :: atomic { !BEARS_NEXT(seen, dead, state) }
        if
#ifndef NO_REREAD
        :: atomic { holding[dead] != state } /* noted since */
#define NOT_NOTED_SINCE holding[dead] == state
#else
#define NOT_NOTED_SINCE true
#endif
        :: atomic { NOT_NOTED_SINCE && COUNT(state) == 0 -> break }
        :: atomic { NOT_NOTED_SINCE && COUNT(state) }
#ifndef NO_SETTLE
           settle_stamp();
#endif
           atomic {
             n = (COUNT(state) < DEBT(seen) -> COUNT(state) : DEBT(seen));
             if
             :: word == seen ->
               assert(has[dead] == COUNT(state)); /* the estate */
               has[dead] = 0;
               word = STAMPED(seen - n * ONE_DEBT + COUNT(state) - n, GIVE_ALL, dead, TAG_OF(state) + 1);
               n = COUNT(state) - n;
               counted();
               given = given || n
             :: else -> n = 0
             fi
           }
           atomic {
             do
             :: n && (seen & CONTENDED) -> wake_sleeper(slept); n--
             :: else -> break
             od;
             n = 0; slept = false
           }
        fi
     fi
  od;
  atomic { seen = 0; state = 0 }
}

proctype actor(byte me) {
  short seen, theirs, state, own;
  byte dead, n, low, list, round, taken;
  bool has_slept, deadline, last_try, given, slept;
  {
    round = 0;
  next_round:
    atomic {
      if
      :: round == R -> goto leave
      :: else -> round++
      fi;
#ifdef FOREIGN
      if :: me == N -> goto give_foreign :: else fi
#endif
    }

  take: /* Permits::take_held, then Permits::take */
    atomic {
#ifdef ASK_ONCE
      deadline = true;
#endif
#ifdef TIMEOUTS
      if :: deadline = false :: deadline = true fi;
#endif
      own = holding[me];
      seen = word;
      if
      :: HOLDS(me) && VALUE(seen) && BEARS(seen, me, own) -> goto change_take
      :: else
      fi
    }

  look:
    atomic {
      seen = word;
      if
      :: !HOLDS(me) && VALUE(seen) -> goto change_take
      :: else
      fi
    }
#ifndef NO_SETTLE
    settle_stamp();
#endif
    atomic { if :: VALUE(seen) == 0 -> goto none_free :: else fi }

  change_take: /* OwnPermits::change */
    atomic {
      if
      :: word == seen ->
        assert(TAG_OF(own) < 63);
        word = (HOLDS(me) -> STAMPED(seen - 1, TAKE, me, TAG_OF(own) + 1) : seen - 1);
        if :: has_slept -> word = word | CONTENDED :: else fi; /* who has slept cannot know whether others still do */
        has[me]++;
        counted();
        moved_on = true;
        if :: HOLDS(me) -> goto note_take :: else -> goto acquired fi
      :: else -> goto look
      fi
    }
  note_take:
    atomic {
      assert(holding[me] == own || holding[me] == AFTER(own, TAKE));
      holding[me] = AFTER(own, TAKE);
      goto acquired
    }

  none_free:
    atomic { low = LOW_HALF(seen); seen = 0; dead = 1 }
    do /* settle_object */
    :: atomic { dead <= N && !(marked & BIT(dead)) -> dead++ }
    :: atomic { dead <= N && (marked & BIT(dead)) }
       give_all_back();
       atomic { dead++ }
    :: atomic { dead > N -> dead = 0; break }
    od;
    atomic {
      if
      :: given -> given = false; goto look
      :: !given && (last_try || (!has_slept && deadline)) -> goto timed_out
      :: !given && !last_try
      fi;
      if
      :: low & CONTENDED
      :: else ->
        if
        :: LOW_HALF(word) == low -> low = low | CONTENDED; word = word | CONTENDED
        :: else -> goto look
        fi
      fi
    }
    /* Waiting::sleep */
    atomic { waiting = waiting | BIT(me); has_slept = true }
    atomic { /* the holders, all at once, and who is dead already must be looked at again */
      dead = 1;
      do
      :: dead <= N && dead != me && COUNT(holding[dead]) ->
        if
        :: marked & BIT(dead) -> dead = 0; list = 0; low = 0; goto look
        :: else -> armed = armed | BIT(dead); list = list | BIT(dead); dead++
        fi
      :: dead <= N && (dead == me || !COUNT(holding[dead])) -> dead++
      :: dead > N -> dead = 0; break
      od
    }
    atomic { /* the fellows */
      dead = 1;
      do
      :: dead <= N ->
        if
        :: dead != me && (waiting & BIT(dead)) && !(marked & BIT(dead)) -> armed = armed | BIT(dead); list = list | BIT(dead)
        :: else
        fi;
        dead++
      :: dead > N -> dead = 0; break
      od
    }
    atomic { /* about_to_sleep */
      if
      :: LOW_HALF(word) == low && !(marked & list) -> watched[me] = list; asleep = asleep | BIT(me)
      :: else
      fi;
      low = 0
    }
    atomic { /* woken. WatchList::pass_on_deaths */
      if
      :: !(asleep & BIT(me))
      :: deadline && (asleep & BIT(me)) -> WOKEN(me); last_try = true
      fi;
      list = list & marked;
      dead = 1;
      do
      :: dead <= N ->
        if :: list & armed & BIT(dead) -> wake_sleeper_of_life(dead) :: else fi;
        dead++
      :: dead > N -> dead = 0; break
      od;
      list = 0;
      goto look
    }

  timed_out:
    atomic {
      low = 0;
      moved_on = true;
      waiting = waiting & ~BIT(me); has_slept = false; deadline = false; last_try = false; own = 0;
      if
      :: taken -> goto give
      :: else -> goto next_round
      fi
    }

  acquired:
    atomic {
      waiting = waiting & ~BIT(me); has_slept = false; deadline = false; last_try = false; seen = 0; own = 0;
      taken++;
      if
      :: taken < DEPTH(me) -> goto take
      :: else
      fi
    }

  give: /* Permits::give_held, then give_held_anyhow; or give_bare */
    atomic {
      own = holding[me];
      seen = word;
      if
      :: !HOLDS(me) || (VALUE(seen) < INITIAL && BEARS(seen, me, own)) -> goto change_give
      :: else
      fi
    }
  look_and_give:
    atomic {
      seen = word;
      if
      :: VALUE(seen) >= INITIAL -> /* too many: somebody gave back what this one has */
        taken = 0; seen = 0; own = 0; goto next_round
      :: else
      fi
    }
#ifndef NO_SETTLE
    settle_stamp();
#endif
  change_give:
    atomic {
      if
      :: word == seen ->
        assert(TAG_OF(own) < 63);
        word = (HOLDS(me) -> STAMPED(seen + 1, GIVE, me, TAG_OF(own) + 1) : seen + 1);
        has[me]--;
        counted();
        taken--;
        if :: HOLDS(me) :: else -> goto given_bare fi
      :: else ->
        if
        :: !HOLDS(me) -> goto give
        :: HOLDS(me) -> goto look_and_give
        fi
      fi
    }
    atomic {
      assert(holding[me] == own || holding[me] == AFTER(own, GIVE));
      holding[me] = AFTER(own, GIVE)
    }
  given_bare:
    atomic {
      own = 0;
      if
      :: seen & CONTENDED -> seen = 0
      :: else -> seen = 0; goto given_back
      fi
    }
  wake: /* Permits::wake */
    atomic { seen = word }
    atomic { wake_sleeper(slept); if :: slept || !VALUE(seen) -> slept = false; seen = 0; goto given_back :: else fi }
    atomic { if :: word == seen -> word = seen & ~CONTENDED :: else fi; seen = 0 }
  given_back:
    atomic {
      if
      :: taken -> goto give
      :: else -> goto next_round
      fi
    }

#ifdef FOREIGN
  give_foreign:
    atomic {
      if
      :: VALUE(word) >= INITIAL -> goto next_round
      :: else -> seen = word; word = seen + 1 + ONE_DEBT; counted()
      fi;
      if
      :: seen & CONTENDED -> seen = 0; goto wake
      :: else -> seen = 0; goto next_round
      fi
    }
#endif

  leave:
    finished = finished | BIT(me)
  } unless {
    /* The kernel, some time after the kill: out of its queues, then the mark, then one wake if somebody had armed it. */
    atomic {
      (killed & BIT(me)) ->
      WOKEN(me);
      seen = 0; theirs = 0; state = 0; own = 0; dead = 0; n = 0; low = 0; list = 0; round = 0; taken = 0;
      has_slept = false; deadline = false; last_try = false; given = false; slept = false
    }
    atomic { marked = marked | BIT(me); slept = (armed & BIT(me)) != 0 }
    atomic {
      if
      :: slept -> wake_sleeper_of_life(me)
      :: else
      fi;
      slept = false; finished = finished | BIT(me); moved_on = true
    }
  }
}

#if MAXC > 0
#define MAY_DIE(i) (!((killed | finished) & BIT(i)) && (HOLDS(i) || !has[i]))
proctype killer() {
  byte deaths;
  do
  :: atomic { deaths < MAXC && MAY_DIE(1) -> killed = killed | BIT(1); deaths++ }
  :: atomic { deaths < MAXC && MAY_DIE(2) -> killed = killed | BIT(2); deaths++ }
#if N > 2
  :: atomic { deaths < MAXC && MAY_DIE(3) -> killed = killed | BIT(3); deaths++ }
#endif
  :: atomic { deaths = 0; break }
  od
}
#endif

/* settle_slot, for the next claimant of a slot of the dead: when all is over, or with HEIR at any time, once before. */
proctype heir() {
  short seen, theirs, state;
  byte dead, n;
  bool given, slept;
#ifdef HEIR
  atomic {
    if
    :: marked & BIT(1) -> dead = 1
    :: marked & BIT(2) -> dead = 2
#if N > 2
    :: marked & BIT(3) -> dead = 3
#endif
    :: finished == EVERYBODY -> dead = N + 1
    fi
  }
#else
  atomic { finished == EVERYBODY -> dead = 1 }
#endif
  do
  :: atomic { dead <= N && (marked & BIT(dead)) }
     give_all_back();
#ifdef HEIR
     atomic { finished == EVERYBODY -> given = false; dead = 1; break }
  :: atomic { dead > N -> dead = 1; break }
  od;
  do
  :: atomic { dead <= N && (marked & BIT(dead)) }
     give_all_back();
#endif
     atomic { dead++ }
  :: atomic { dead <= N && !(marked & BIT(dead)) -> dead++ }
  :: atomic { dead > N -> break }
  od;
  atomic {
    dead = 1;
    do
    :: dead <= N ->
      assert(!HOLDS(dead) || COUNT(holding[dead]) == has[dead]); /* settled */
      dead++
    :: else -> break
    od
  }
}

/* `timeout` is spin's word for: nobody else has a next step. */
proctype silence() {
end:
  do
  :: atomic {
      timeout && asleep ->
#ifdef RECHECK
      assert(moved_on);
      moved_on = false;
      asleep = 0
#else
      assert(!asleep) /* no loss */
#endif
    }
  od
}

init {
  byte i = 1;
  atomic {
#ifdef ESTATE
    i = 2;
    word = STAMPED(0, TAKE, 1, INITIAL);
    holding[1] = HOLDING(INITIAL - 1, INITIAL - 1);
    has[1] = INITIAL;
    killed = BIT(1); marked = killed; finished = killed;
#endif
    do
    :: i <= N -> run actor(i); i++
    :: else -> break
    od;
#if MAXC > 0
    run killer();
#endif
    run heir();
    run silence()
  }
}
