/* Counted permits with holders: the word, the holdings in the slots, and what comes back from the dead.
 *
 * Each step is one atomic operation on shared memory or one decision of the kernel; between any two of them the killer
 * may strike and everybody else may run. Sequentially consistent. The names at the steps are those of the C++:
 * include/carom/detail/permits.hpp, src/sync/permits.cpp, src/memory/settlement.{hpp,cpp}.
 *
 * What is checked
 *   conservation  at every instant what is free and what is had add up; each permit comes back once     (`counted`)
 *   the estate    who gives back for a dead holder gives what that one had, never twice                 (`give_all_back`)
 *   settled       at the end the dead hold nothing, and each holding of the living says what it had     (`heir`)
 *   no loss       nobody sleeps beside a free permit, or one of the dead, for ever                      (`silence`)
 * Configuration
 *   N, R, MAXC, INITIAL  actors, rounds of take and give each, deaths in all, permits
 *   DEEP                 actor 1 takes two before it gives two back
 *   BARE                 actor N takes and gives without a holding (and is not killed while it has a permit: that one
 *                        would be gone for ever, as documented)
 *   FOREIGN              bounded: actor N only releases, once, a permit that it does not hold
 *   TAGS                 the word keeps a tag modulo that; 64 is more than there are changes
 *   ESTATE               actor 1 is dead already: it took all permits, and died before it settled the last of them
 *   ASK_ONCE             nobody sleeps: who finds no permit, and none to be had from the dead, gives up
 *   TIMEOUTS             any wait may have a deadline, which may pass at any instant
 *   RECHECK              in a silence all sleepers look again; one such look has to get somebody on
 *   HEIR                 somebody claims the slots of the dead, and settles them, while everything else goes on
 *   Defects, to see the checks fail: NO_SETTLE NO_REREAD NO_SECOND_LOOK NO_INTENT
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

/* PermitWord: value, contended, debt, stamp. Slots are actors; 0: nobody's. */
#define VALUE(w) ((w) & 3)
#define CONTENDED 4
#define DEBT(w) (((w) >> 3) & 3)
#define ONE_DEBT 8
#define LOW_HALF(w) ((w) & 31)
#define SLOT(w) (((w) >> 5) & 3)
#define TAG(w) ((w) >> 7)
#define LOW_TAG(t) ((t) & (TAGS - 1))
#define BEARS(w, slot, tag) (SLOT(w) == (slot) && TAG(w) == LOW_TAG(tag))
#define STAMPED(w, slot, tag) (LOW_HALF(w) | ((slot) << 5) | (LOW_TAG(tag) << 7))
#define NEXT_TAG(w, slot, tag) ((tag) + 1 + (BEARS(w, slot, (tag) + 1) -> 1 : 0))

/* HoldingState: count, pending, tag. */
#define NONE 0
#define TAKE 1
#define GIVE 2
#define GIVE_ALL 3
#define COUNT(h) ((h) & 3)
#define PENDING(h) (((h) >> 2) & 3)
#define TAG_OF(h) ((h) >> 4)
#define HOLDING(count, pending, tag) ((count) | ((pending) << 2) | ((tag) << 4))
#define INTENDING(h, what, tag) HOLDING(COUNT(h), what, tag)
#define UNDONE(h) HOLDING(COUNT(h), NONE, TAG_OF(h))
#define MAY_HOLD(h) (COUNT(h) || PENDING(h) != NONE)
#define DONE(h) HOLDING((PENDING(h) == GIVE_ALL -> 0 : COUNT(h) + (PENDING(h) == TAKE -> 1 : 0) - (PENDING(h) == GIVE -> 1 : 0)), NONE, TAG_OF(h))

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

/* Of whoever's stamp is in `seen`, before that is written over. `theirs` is 0 when there is nothing to settle. */
inline settle_stamp() {
  atomic {
    theirs = (SLOT(seen) -> holding[SLOT(seen)] : 0);
    if
    :: PENDING(theirs) == NONE || LOW_TAG(TAG_OF(theirs)) != TAG(seen) -> theirs = 0
    :: else
    fi
  }
  if
  :: atomic { theirs -> /* read again: only together do they say that this very change has happened */
#ifndef NO_SECOND_LOOK
       if
       :: word != seen -> theirs = 0
       :: else
       fi
#endif
     }
     atomic {
       if
       :: theirs && holding[SLOT(seen)] == theirs -> holding[SLOT(seen)] = DONE(theirs)
       :: else
       fi;
       theirs = 0
     }
  :: atomic { !theirs }
  fi
}

/* give_all_back of the holding of `dead`; `given` if it gave any. */
inline give_all_back() {
  do
  :: atomic { state = holding[dead]; if :: state == UNDONE(state) && COUNT(state) == 0 -> state = 0; break :: else fi }
     atomic { seen = word }
     if
     :: atomic { PENDING(state) == NONE ->
#ifdef NO_INTENT
          if
          :: word == seen ->
            word = STAMPED(seen + COUNT(state), dead, NEXT_TAG(seen, dead, TAG_OF(state)));
            assert(has[dead] == COUNT(state));
            has[dead] = 0; given = true
          :: else
          fi
        }
        atomic {
          if :: given && holding[dead] == state -> holding[dead] = HOLDING(0, NONE, NEXT_TAG(seen, dead, TAG_OF(state))) :: else fi
#else
          if
          :: holding[dead] == state -> holding[dead] = INTENDING(state, GIVE_ALL, NEXT_TAG(seen, dead, TAG_OF(state)))
          :: else
          fi
#endif
        }
     :: atomic { PENDING(state) && BEARS(seen, dead, TAG_OF(state)) ->
          if
          :: holding[dead] == state -> holding[dead] = DONE(state)
          :: else
          fi
        }
     :: atomic { PENDING(state) && !BEARS(seen, dead, TAG_OF(state)) }
        if
#ifndef NO_REREAD
        :: atomic { holding[dead] != state } /* settled since, so it did happen */
#define NOT_SETTLED_SINCE holding[dead] == state
#else
#define NOT_SETTLED_SINCE true
#endif
        :: atomic { NOT_SETTLED_SINCE && PENDING(state) != GIVE_ALL }
           atomic {
             if
             :: holding[dead] == state -> holding[dead] = UNDONE(state)
             :: else
             fi
           }
        :: atomic { NOT_SETTLED_SINCE && PENDING(state) == GIVE_ALL }
#ifndef NO_SETTLE
           settle_stamp();
#endif
           atomic {
             n = (COUNT(state) < DEBT(seen) -> COUNT(state) : DEBT(seen));
             if
             :: word == seen ->
               assert(has[dead] == COUNT(state)); /* the estate */
               has[dead] = 0;
               word = STAMPED(seen - n * ONE_DEBT + COUNT(state) - n, dead, TAG_OF(state));
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
  bool has_slept, deadline, last_try, given, slept, fast;
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
      own = DONE(holding[me]);
      seen = word;
      fast = HOLDS(me) && VALUE(seen) && BEARS(seen, me, TAG_OF(own)) && LOW_TAG(TAG_OF(own) + 1);
      if
      :: fast -> goto intend_take
      :: else
      fi
    }

  look:
    atomic {
      seen = word;
      if
      :: VALUE(seen) == 0 -> goto none_free
      :: VALUE(seen) != 0
      fi;
      if
      :: !HOLDS(me) -> goto change_take
      :: else
      fi
    }
#ifndef NO_SETTLE
    settle_stamp();
#endif

  intend_take: /* Change::make */
    atomic {
      own = HOLDING(COUNT(own), NONE, NEXT_TAG(seen, me, TAG_OF(own)));
      assert(TAG_OF(own) < 64);
      holding[me] = INTENDING(own, TAKE, TAG_OF(own))
    }
  change_take:
    atomic {
      if
      :: word == seen ->
        word = (HOLDS(me) -> STAMPED(seen - 1, me, TAG_OF(own)) : seen - 1);
        if :: has_slept -> word = word | CONTENDED :: else fi; /* who has slept cannot know whether others still do */
        has[me]++;
        counted();
        moved_on = true;
        goto acquired
      :: !fast && word != seen -> goto look
      :: else -> fast = false
      fi
    }
    atomic { holding[me] = own; goto look }

  none_free:
    atomic {
      if
      :: HOLDS(me) -> holding[me] = own /* Change::undo */
      :: else
      fi;
      low = LOW_HALF(seen); seen = 0; dead = 1
    }
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
      :: dead <= N && dead != me && MAY_HOLD(holding[dead]) ->
        if
        :: marked & BIT(dead) -> dead = 0; list = 0; low = 0; goto look
        :: else -> armed = armed | BIT(dead); list = list | BIT(dead); dead++
        fi
      :: dead <= N && (dead == me || !MAY_HOLD(holding[dead])) -> dead++
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
      low = 0; /* the holding is undone already */
      moved_on = true;
      waiting = waiting & ~BIT(me); has_slept = false; deadline = false; last_try = false; own = 0;
      if
      :: taken -> goto give
      :: else -> goto next_round
      fi
    }

  acquired:
    atomic {
      waiting = waiting & ~BIT(me); has_slept = false; deadline = false; last_try = false; seen = 0; own = 0; fast = false;
      taken++;
      if
      :: taken < DEPTH(me) -> goto take
      :: else
      fi
    }

  give: /* Permits::give_held, then give_held_anyhow; or give_bare */
    atomic {
      seen = word;
      if
      :: !HOLDS(me) -> goto change_give
      :: else
      fi;
      own = DONE(holding[me]);
      if
      :: VALUE(seen) >= INITIAL -> /* too many: somebody gave back what this one has */
        taken = 0; seen = 0; own = 0; goto next_round
      :: else
      fi;
      fast = BEARS(seen, me, TAG_OF(own)) && LOW_TAG(TAG_OF(own) + 1);
      if
      :: fast -> goto intend_give
      :: else
      fi
    }
  look_and_give:
    atomic {
      seen = word;
      if
      :: VALUE(seen) >= INITIAL -> holding[me] = own; taken = 0; seen = 0; own = 0; goto next_round
      :: else
      fi
    }
#ifndef NO_SETTLE
    settle_stamp();
#endif
  intend_give:
    atomic {
      own = HOLDING(COUNT(own), NONE, NEXT_TAG(seen, me, TAG_OF(own)));
      assert(TAG_OF(own) < 64);
      holding[me] = INTENDING(own, GIVE, TAG_OF(own))
    }
  change_give:
    atomic {
      if
      :: word == seen ->
        word = (HOLDS(me) -> STAMPED(seen + 1, me, TAG_OF(own)) : seen + 1);
        has[me]--;
        counted();
        own = 0; fast = false; taken--;
        if
        :: seen & CONTENDED -> seen = 0
        :: else -> seen = 0; goto given_back
        fi
      :: else ->
        if
        :: !HOLDS(me) -> goto give
        :: HOLDS(me) && fast -> fast = false; holding[me] = own; goto look_and_give
        :: HOLDS(me) && !fast -> goto look_and_give
        fi
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
      has_slept = false; deadline = false; last_try = false; given = false; slept = false; fast = false
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
      assert(!HOLDS(dead) || COUNT(DONE(holding[dead])) == has[dead]); /* settled */
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
    word = STAMPED(0, 1, INITIAL);
    holding[1] = HOLDING(INITIAL - 1, TAKE, INITIAL);
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
