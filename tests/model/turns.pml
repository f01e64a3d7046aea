/* Condition's turns: a notification reaches one waiter, whoever dies on the way.
 *
 * Each step is one atomic operation on shared memory; between any two of them the killer may strike and everybody else
 * may run. Sequentially consistent. The names at the steps are those of the C++: src/sync/condition.cpp,
 * src/memory/settlement.cpp, src/memory/turn_word.hpp. Nobody sleeps here: a waiter looks again at any instant at which
 * there is something to see, as wakes and kRecheck see to; the lock is one that frees itself of a dead owner.
 *
 * What is checked
 *   once        no more leave as notified than were notified                                      (assertion in `leaves`)
 *   not lost    a notification becomes void only if nobody is left of those who waited then       (assertion in `voids`)
 *   no silence  nobody waits beside a notification of the dead that it could have                 (assertion in `silence`)
 *   accounting  once the slots of the dead are settled, each notification was left with or is void  (assertion in `heir`)
 *   not passed over  who notifies under the lock, and is told that nobody waits, passes over nobody  (`notify_waiters`)
 * Configuration
 *   W, NOTIFIES, MAXC    waiters (2 or 3), notifications of one, deaths in all (of waiters)
 *   TIMEOUTS             any wait may have a deadline, which may pass at any instant
 *   OUTSIDE              somebody notifies without the lock too, once, at any instant
 *   Defects, to see the checks fail: ONE_TICKET NO_ADOPTED_CHECK NO_ORIGIN_FIRST LEAVE_EARLY GIVE_UP_BLINDLY ALIVE_SECOND
 */
#ifndef W
#define W 3
#endif
#ifndef NOTIFIES
#define NOTIFIES 1
#endif
#ifndef MAXC
#define MAXC 0
#endif

#define BIT(i) (1 << (i))
#define EVERYBODY (BIT(W + 1) - 2)

/* TurnWord: state, ticket or limit, other slot, whether adopted from there, ticket of the other. */
#define NONE 0
#define WAITING 1
#define NOTIFIED 2
#define GRANTED 3
#define STATE(t) ((t) & 3)
#define TICKET(t) (((t) >> 2) & 3)
#define OTHER(t) (((t) >> 4) & 3)
#define ADOPTED(t) ((t) & 64)
#define ITS_TICKET(t) ((t) >> 7)
#define WAITING_WITH(ticket) (WAITING | (ticket) << 2)
#define NOTIFIED_BY(limit, ticket) (NOTIFIED | (limit) << 2 | (ticket) << 7)
#define ADOPTED_FROM(limit, slot) (NOTIFIED | (limit) << 2 | (slot) << 4 | 64)
#define GRANTED_TO(limit, slot, ticket) (GRANTED | (limit) << 2 | (slot) << 4 | (ticket) << 7)

/* ConditionWord. What is drawn for nobody counts by itself here: it is no waiter's ticket, but it changes the word. */
byte last_ticket, for_nobody;
bool waiters;
short turn[W + 1];
byte lock;
byte marked; /* life words that the kernel has marked */

/* The oracle's own; no actor acts on them. */
byte killed, finished, owed; /* owed: notified, neither left with nor void */
bool closing;                /* nobody notifies any more, and every deadline passes */

#define LEFT_OVER(i) ((marked & BIT(i)) && STATE(turn[i]) >= NOTIFIED)
#define CAN_HAVE(i, t) (STATE(turn[i]) == WAITING && TICKET(turn[i]) <= TICKET(t) && !(marked & BIT(i)))
#if W > 2
#define EACH(what) (what(1) || what(2) || what(3))
#else
#define EACH(what) (what(1) || what(2))
#endif
#define CAN_HAVE_SEEN(i) CAN_HAVE(i, seen)

inline leaves() {
  assert(owed > 0);
  owed--
}
inline voids() {
  assert(owed > 0 && !EACH(CAN_HAVE_SEEN));
  owed--
}

/* pass_on_turn of the dead `dead`; `through` if its turn is not there any more. */
inline pass_on_turn() {
  do
  :: atomic {
      seen = turn[dead];
      if
      :: STATE(seen) == NONE || STATE(seen) == WAITING -> through = true; seen = 0; break
      :: else
      fi
    }
#ifndef NO_ORIGIN_FIRST
    if
    :: atomic { ADOPTED(seen) && STATE(seen) == NOTIFIED -> theirs = turn[OTHER(seen)] }
       atomic { /* the one it came from must be gone first */
         if
         :: STATE(theirs) == GRANTED && OTHER(theirs) == dead && turn[OTHER(seen)] == theirs -> turn[OTHER(seen)] = 0
         :: else
         fi;
         theirs = 0
       }
    :: atomic { !(ADOPTED(seen) && STATE(seen) == NOTIFIED) }
    fi;
#endif
    if
    :: atomic { STATE(seen) == GRANTED }
       /* Alive first, its turn second: the turn of one that was dead already does not become adopted any more. */
#ifdef ALIVE_SECOND
       atomic { theirs = turn[OTHER(seen)] }
       atomic { lives = !(marked & BIT(OTHER(seen))) }
#else
       atomic { lives = !(marked & BIT(OTHER(seen))) }
       atomic { theirs = turn[OTHER(seen)] }
#endif
       if
#ifdef NO_ADOPTED_CHECK
#define IT_COUNTS false
#else
#define IT_COUNTS (STATE(theirs) == NOTIFIED && ADOPTED(theirs) && OTHER(theirs) == dead)
#endif
       :: atomic { IT_COUNTS ->
            if
            :: turn[dead] == seen -> turn[dead] = 0
            :: else
            fi;
            theirs = 0; seen = 0; lives = false
          }
          goto_on = true
       :: atomic { !IT_COUNTS && theirs == WAITING_WITH(ITS_TICKET(seen)) && lives ->
            theirs = 0; seen = 0; lives = false; through = false /* it is woken */
          }
          break
       :: atomic { !IT_COUNTS && !(theirs == WAITING_WITH(ITS_TICKET(seen)) && lives) ->
            theirs = 0; lives = false;
            goto_on = turn[dead] != seen
          }
       fi
    :: atomic { STATE(seen) != GRANTED }
    fi;
    if
    :: atomic { goto_on -> goto_on = false; seen = 0 }
    :: atomic { !goto_on -> i = 1 }
       do /* first_waiter */
       :: atomic { i <= W ->
            if
            :: CAN_HAVE(i, seen) && (!first || TICKET(turn[i]) < ticket) -> first = i; ticket = TICKET(turn[i])
            :: else
            fi;
            i++
          }
       :: atomic { i > W -> i = 0; break }
       od;
       atomic {
         if
         :: turn[dead] == seen && first ->
           turn[dead] = GRANTED_TO(TICKET(seen), first, ticket);
           first = 0; ticket = 0; seen = 0; through = false; break
         :: turn[dead] == seen && !first -> turn[dead] = NONE; voids(); seen = 0; through = true; break
         :: else -> first = 0; ticket = 0; seen = 0
         fi
       }
    fi
  od
}

proctype waiter(byte me) {
  short seen, theirs, got;
  byte mine, dead, i, first, ticket;
  bool through, goto_on, lives, gave_up;
  {
    atomic { (!lock || (marked & BIT(lock))) && (me == 1 || last_ticket == me - 1 || ((killed | finished) & BIT(me - 1))) ->
      lock = me } /* they come one after the other: all are alike */
    atomic { last_ticket++; waiters = true; mine = last_ticket }
    turn[me] = WAITING_WITH(mine);
#ifndef ONE_TICKET
    atomic { for_nobody++; waiters = true }
#endif
    lock = 0;

  look:
    atomic {
      if
      :: turn[me] != WAITING_WITH(mine) -> goto woken
      :: turn[me] == WAITING_WITH(mine) && EACH(LEFT_OVER)
#ifdef TIMEOUTS
      :: turn[me] == WAITING_WITH(mine) -> goto give_up
#else
      :: turn[me] == WAITING_WITH(mine) && closing -> goto give_up
#endif
      fi;
      dead = 1
    }
  sweep: /* pass_on_turns; who still waits sees in each slot whether it has become its own: Turn::look_at_the_dead */
    do
    :: atomic { dead <= W }
       if
       :: atomic { LEFT_OVER(dead) }
          pass_on_turn();
          through = false
       :: atomic { !LEFT_OVER(dead) }
       fi;
       atomic {
         got = turn[dead];
         if
         :: !gave_up && STATE(got) == GRANTED && OTHER(got) == me && ITS_TICKET(got) == mine
         :: else -> got = 0
         fi
       }
       if
       :: atomic { got ->
            if
            :: turn[me] == WAITING_WITH(mine) -> turn[me] = ADOPTED_FROM(TICKET(got), dead); through = true
            :: else
            fi
          }
          if
          :: atomic { through -> through = false }
#ifndef LEAVE_EARLY
             atomic {
               if
               :: turn[dead] == got -> turn[dead] = 0
               :: else
               fi
             }
#endif
          :: atomic { !through } pass_on_turn(); through = false
          fi
       :: atomic { !got }
       fi;
       atomic { got = 0; dead++ }
    :: atomic { dead > W -> dead = 0; break }
    od;
    atomic {
      if
      :: gave_up -> gave_up = false; goto woken
      :: else
      fi
    }
    goto look;

  give_up:
    atomic {
#ifdef GIVE_UP_BLINDLY
      gave_up = true; dead = 1; turn[me] = NONE; goto sweep
#else
      if
      :: turn[me] == WAITING_WITH(mine) -> turn[me] = NONE; gave_up = true; dead = 1; goto sweep
      :: else -> goto woken
      fi
#endif
    }

  woken:
    atomic { got = turn[me]; dead = 0 }
    atomic { !lock || (marked & BIT(lock)) -> lock = me }
    atomic { /* ~Turn: it leaves */
      turn[me] = NONE;
      if
      :: STATE(got) == NOTIFIED -> leaves()
      :: else
      fi;
      got = 0; mine = 0
    }
    atomic { lock = 0; finished = finished | BIT(me) }
  } unless {
    atomic {
      (killed & BIT(me)) ->
      marked = marked | BIT(me); finished = finished | BIT(me);
      seen = 0; theirs = 0; got = 0; mine = 0; dead = 0; i = 0; first = 0; ticket = 0;
      through = false; goto_on = false; lives = false; gave_up = false
    }
  }
}

#define WAITS(i) (STATE(turn[i]) == WAITING && !(marked & BIT(i)))

/* Condition::notify_waiters, of one. Nobody waits, it seems, if `seen` says so. */
inline notify_waiters() {
  atomic { limit = last_ticket; seen = for_nobody; i = 1 }
again:
  do
  :: atomic { i <= W ->
       if
       :: WAITS(i) && TICKET(turn[i]) <= limit && (!first || TICKET(turn[i]) < ticket) -> first = i; ticket = TICKET(turn[i])
       :: else
       fi;
       i++
     }
  :: atomic { i > W -> i = 1; break }
  od;
  atomic {
    if
    :: first && turn[first] == WAITING_WITH(ticket) -> turn[first] = NOTIFIED_BY(limit, ticket); owed++
    :: first && turn[first] != WAITING_WITH(ticket) -> first = 0; ticket = 0; goto again
    :: !first ->
      if
      :: last_ticket == limit && for_nobody == seen -> waiters = false
      :: else
      fi
    fi;
    first = 0; ticket = 0; limit = 0; seen = 0; i = 0
  }
}

proctype notifier() { /* under the lock */
  byte limit, seen, i, first, ticket, round;
  do
  :: atomic { round < NOTIFIES && (!lock || (marked & BIT(lock))) -> lock = W + 1; round++ }
     if
     :: atomic { waiters } notify_waiters()
     :: atomic { !waiters -> assert(!EACH(WAITS)) /* not passed over */ }
     fi;
     atomic { lock = 0 }
  :: atomic { round == NOTIFIES -> break }
  od
}

#ifdef OUTSIDE
proctype outsider() {
  byte limit, seen, i, first, ticket;
  if
  :: atomic { waiters } notify_waiters()
  :: atomic { closing }
  fi
}
#endif

#if MAXC > 0
#define MAY_DIE(i) (!((killed | finished) & BIT(i)))
proctype killer() {
  byte deaths;
  do
  :: atomic { deaths < MAXC && MAY_DIE(1) -> killed = killed | BIT(1); deaths++ }
  :: atomic { deaths < MAXC && MAY_DIE(2) -> killed = killed | BIT(2); deaths++ }
#if W > 2
  :: atomic { deaths < MAXC && MAY_DIE(3) -> killed = killed | BIT(3); deaths++ }
#endif
  :: atomic { deaths = 0; break }
  od
}
#endif

/* `timeout` is spin's word for: nobody else has a next step. */
proctype silence() {
  short seen;
  byte i = 1;
  atomic {
    timeout ->
    do
    :: i <= W && LEFT_OVER(i) -> seen = turn[i]; assert(!EACH(CAN_HAVE_SEEN)); seen = 0; i++
    :: i <= W && !LEFT_OVER(i) -> i++
    :: i > W -> i = 0; break
    od;
    closing = true
  }
}

/* settle_slot, for the next claimants of the slots, until nothing is left there. */
proctype heir() {
  short seen, theirs;
  byte dead, i, first, ticket;
  bool through, goto_on, lives;
  atomic { finished == EVERYBODY && closing -> dead = 1 }
  do
  :: atomic { dead <= W && LEFT_OVER(dead) } pass_on_turn()
  :: atomic { dead <= W && !LEFT_OVER(dead) -> dead++ }
  :: atomic { dead > W -> break }
  od;
  assert(!owed)
}

init {
  byte i = 1;
  atomic {
    do
    :: i <= W -> run waiter(i); i++
    :: else -> break
    od;
    run notifier();
#ifdef OUTSIDE
    run outsider();
#endif
#if MAXC > 0
    run killer();
#endif
    run silence();
    run heir()
  }
}
