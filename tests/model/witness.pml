/* One slot of the roster and the two witnesses of a death: the kernel's mark, and the identity of the thread.
 *
 * Each step is one atomic operation on the slot, one question to the kernel, or one decision of the kernel; between any
 * two of them the killer may strike and everybody else may run. Sequentially consistent. Threads 1 to 3 claim the slot,
 * sit in it, and leave it at some time. Threads 4 and 5 sleep on its life word and want to know when its participant is gone.
 * Threads 1 and 2 live in two pid namespaces and have the same number there, unless REUSE says otherwise. The kernel
 * compares numbers only. A killed thread is ENDING: it runs no more, and the kernel may mark. When it is GONE, no mark
 * comes. There is one slot, so it is full for everybody else, and whoever wants to claim asks for the identity at once.
 *
 * The claim has a count beside the thread: the generation that follows it. Not modelled: claims of several words, a
 * thread that goes on under its identity in another program (execve), the rest of the robust list.
 *
 * What is checked
 *   no false death  no living participant is ever withdrawn, marked or declared dead     (assertion in `no_false_death`)
 *   exclusion       nobody takes the slot from a living thread                           (assertion in `exclusion`)
 *   for ever        who was found dead, or declared, is dead for whoever looks later     (assertions `for ever`)
 *   returns         nobody calls the slot full whose claimant is gone from its own namespace     (assertion `returns`)
 *   no loss         in a silence nobody sleeps beside the dead; with RECHECK_SILENT, two looks at most get everybody
 *                   on, if one of the namespace of the dead is among those who look              (assertion `lost`)
 * Configuration
 *   MAXC, VICTIMS        deaths in all; who may die, one bit a thread
 *   ROUNDS               how often thread 1 tries to claim; the others try once
 *   CLAIMERS, WATCHERS   which of the threads take part, one bit each
 *   OMIT                 the mark may never come
 *   ABROAD               thread 5 lives in the namespace of thread 2, not in that of the others
 *   REUSE                thread 3 has the number and the namespace of thread 1, and begins when that one is gone
 *   AWAKE                watchers never sleep, but look and ask
 *   RECHECK_ANY          a sleeper may look again, and ask, at any instant
 *   RECHECK_SILENT       all sleepers look again, and ask, but only when nothing else moves
 *   WATCHES              how many participants a watcher watches, one after the other
 *   SLACK_LINK           the node is linked before the life word is the claimant's
 *   SLACK_LEAVE          the life word is vacated before the node is unlinked
 *   Defects, to see the checks fail:
 *     UNCOUNTED          the claim names the thread alone, not which of its claims
 *     STORE_DECLARED     a declaration is stored even over a later one
 *     LIFE_FIRST         who wants to claim reads the life word before the claim
 *     NO_PHASE           a mark makes a slot claimable in mid-claim, too
 *     CLAIM_ENDING       a slot is claimable as soon as its thread is ENDING
 *     LINK_FIRST         the node is linked before the claim is won, as a pending operation is
 *     UNLINK_LAST        the node is unlinked after the slot is vacant
 *     DECLARE_BY_MARK    a looker marks the life word instead of naming the id
 *     ID_FIRST           whether one lives is asked of the id before the life word
 *     ID_LATE            a looker reads the id after the identity only
 *     NO_START_TIME, NO_NAMESPACE      identities are compared without
 *     NO_SECOND_WITNESS  who looks again does not ask for the identity
 *     VACATE_SILENTLY    who leaves vacates the life word without waking those who armed it in the meantime
 */
#ifndef MAXC
#define MAXC 0
#endif
#ifndef VICTIMS
#define VICTIMS 62
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef CLAIMERS
#define CLAIMERS 14
#endif
#ifndef WATCHERS
#define WATCHERS 0
#endif
#ifndef WATCHES
#define WATCHES 1
#endif

#define BIT(i) (1 << (i))
#ifdef ABROAD
#define SPACE(i) ((i) == 2 || (i) == 5 -> 2 : 1)
#else
#define SPACE(i) ((i) == 2 -> 2 : 1)
#endif
#ifdef REUSE
#define NUMBER(i) ((i) == 2 -> 2 : 1)
#define BEGINS(i) ((i) != 3 || task[1] == GONE)
#else
#define NUMBER(i) ((i) == 3 -> 2 : 1)
#define BEGINS(i) true
#endif

/* A thread, as the kernel knows it. */
#define RUNS 0
#define ENDING 1
#define GONE 2
#define UNKNOWN 3
byte task[6];
byte linked; /* whose robust list leads to the slot's node */

/* The slot. */
#define VACANT 0
#define MARKED 3
byte claimant, claimed_as; /* claim: the thread, and which of its claims; */
bool seated;               /*        its phase */
byte life = VACANT;        /* the life word: a number, VACANT or MARKED; */
bool armed;                /*                FUTEX_WAITERS */
byte id, generation;
byte about[2]; /* the identity, written and read in two halves; here each names the thread */
byte declared;

byte asleep;
byte expired; /* whose sleep has ended by the clock: it will ask */

/* The oracle's own; no thread acts on them. */
byte owns;      /* who has won the claim and not vacated it */
byte seat[4];   /* the id that one published and has not withdrawn */
byte had[8];    /* who published an id */
byte found_dead; /* ids, one bit each */
byte finished;
byte watches[6]; /* what id */
byte looks;      /* in the silence, since somebody got on */

/* What the second witness says to `me` about thread `i`. */
#if defined(NO_NAMESPACE)
#define SAYS(me, i) (SPACE(me) == SPACE(i) -> task[i] : GONE)
#elif defined(NO_START_TIME)
#define HAS_NUMBER_OF(i) ((i) == 1 && task[1] == GONE && NUMBER(3) == NUMBER(1) -> 3 : (i))
#define SAYS(me, i) (SPACE(me) == SPACE(i) -> task[HAS_NUMBER_OF(i)] : UNKNOWN)
#else
#define SAYS(me, i) (SPACE(me) == SPACE(i) -> task[i] : UNKNOWN)
#endif

#define TAKEN_FOR_DEAD(i) \
  (seat[i] && task[i] == RUNS && (id != seat[i] || life == MARKED || declared == seat[i]))
inline no_false_death() {
  assert(!TAKEN_FOR_DEAD(1) && !TAKEN_FOR_DEAD(2) && !TAKEN_FOR_DEAD(3))
}
#define OWNS_LIVING(i) ((owns & BIT(i)) && task[i] == RUNS)
inline exclusion() {
  assert(!OWNS_LIVING(1) && !OWNS_LIVING(2) && !OWNS_LIVING(3))
}

inline wake_one() {
  if
  :: asleep & BIT(4) -> asleep = asleep & ~BIT(4)
  :: asleep & BIT(5) -> asleep = asleep & ~BIT(5)
  :: !asleep
  fi
}

/* Clearing the bit first makes the sleep of everybody who is on the way to it fail its comparison. */
#if WATCHERS && !defined(AWAKE)
#define SEND_AWAY send_away()
#else
#define SEND_AWAY skip /* nobody sleeps */
#endif
inline send_away() {
  atomic { was_set = armed; armed = false }
  atomic {
    if
    :: was_set -> asleep = 0; was_set = false
    :: else
    fi
  }
}

proctype claimer(byte me) {
  byte round, seen, seen_as, next_as;
  bool seen_seated, was_set;
  {
    skip;
  end_unborn:
    BEGINS(me);
  join:
    atomic {
      if
      :: round == (me == 1 -> ROUNDS : 1) -> goto done
      :: else -> round++
      fi
    }
#ifdef LINK_FIRST
    linked = linked | BIT(me);
#endif
  look:
#ifdef LIFE_FIRST
    atomic { was_set = life == MARKED }
#endif
    atomic {
      next_as = generation + 1;
      seen = claimant; seen_as = claimed_as; seen_seated = seated;
      if
      :: !seen -> goto take
      :: else
      fi
    }
    atomic {
#ifndef LIFE_FIRST
      was_set = life == MARKED;
#endif
#ifdef NO_PHASE
      if
      :: was_set -> goto take
#else
      if
      :: was_set && seen_seated -> goto take
#endif
      :: else
      fi
    }
    atomic {
      if
#ifdef CLAIM_ENDING
      :: SAYS(me, seen) == ENDING -> goto take
#endif
      :: SAYS(me, seen) == GONE -> goto take
      :: else
      fi;
      assert(!(SPACE(me) == SPACE(seen) && task[seen] == GONE)); /* returns */
#ifdef LINK_FIRST
      linked = linked & ~BIT(me);
#endif
      seen = 0; seen_as = 0; next_as = 0; seen_seated = false; was_set = false;
      goto join
    }
  take:
    atomic {
      was_set = false;
      if
#ifdef UNCOUNTED
      :: claimant == seen && seated == seen_seated ->
#else
      :: claimant == seen && seated == seen_seated && claimed_as == seen_as ->
#endif
        exclusion();
        claimant = me; claimed_as = next_as; seated = false;
        owns = BIT(me);
        seen = 0; seen_as = 0; next_as = 0; seen_seated = false
      :: else -> goto look
      fi
    }
    atomic { id = 0; no_false_death() }
    /* Here it sees to what the last one left. */
#ifdef SLACK_LINK
    linked = linked | BIT(me);
#endif
    life = NUMBER(me);
#if !defined(SLACK_LINK) && !defined(LINK_FIRST)
    linked = linked | BIT(me);
#endif
    generation++; /* before anybody can take it over by a mark: no two claims of one thread are alike */
    seated = true;
#if WATCHERS
    about[0] = me;
    about[1] = me;
#endif
    atomic { id = generation; had[id] = me; seat[me] = id; no_false_death() }
    SEND_AWAY;

    /* To stay for ever is like being slow. */
    atomic { id = 0; seat[me] = 0; no_false_death() }
    SEND_AWAY;
#if !defined(SLACK_LEAVE) && !defined(UNLINK_LAST)
    linked = linked & ~BIT(me);
#endif
    atomic { life = VACANT; was_set = armed; armed = false }
#if WATCHERS && !defined(AWAKE) && !defined(VACATE_SILENTLY)
    atomic { /* it wakes those who armed since */
      if
      :: was_set -> asleep = 0
      :: else
      fi;
      was_set = false
    }
#endif
#ifdef SLACK_LEAVE
    linked = linked & ~BIT(me);
#endif
    atomic { was_set = false; claimant = 0; claimed_as = 0; seated = false; owns = owns & ~BIT(me) }
#ifdef UNLINK_LAST
    linked = linked & ~BIT(me);
#endif
    goto join;

  done:
    finished = finished | BIT(me)
  } unless {
    atomic {
      task[me] == ENDING ->
      round = 0; seen = 0; seen_as = 0; next_as = 0; seen_seated = false; was_set = false
    }
    /* handle_futex_death */
    atomic {
      if
      :: (linked & BIT(me)) && life == NUMBER(me) -> life = MARKED; was_set = armed; no_false_death()
      :: !((linked & BIT(me)) && life == NUMBER(me))
#ifdef OMIT
      :: (linked & BIT(me)) && life == NUMBER(me)
#endif
      fi;
      linked = linked & ~BIT(me)
    }
    atomic {
      if
      :: was_set -> wake_one(); was_set = false
      :: else
      fi
    }
    atomic { task[me] = GONE; finished = finished | BIT(me) }
  }
}

#ifdef ID_FIRST
#define LOOK_1 id != seen
#define LOOK_2 life == MARKED
#define LOOK_3 declared == seen
#else
#define LOOK_1 life == MARKED
#define LOOK_2 declared == seen
#define LOOK_3 id != seen
#endif

proctype watcher(byte me) {
  byte round, seen, expected, first, second;
  bool dead, known, asks, was_set;
  {
    skip;
  next:
    atomic {
      round++;
      if
      :: round > WATCHES -> round = 0; goto done
      :: else
      fi
    }
  end_nobody:
    atomic { id -> seen = id; watches[me] = seen }

  look: /* Roster::standing. Who claims the slot withdraws the id before it makes the life word its own, so the id is
           read last: what was marked and is not any more, has another id by then. */
    atomic { known = (found_dead & BIT(seen)) != 0; dead = LOOK_1 }
    atomic { dead = dead || LOOK_2 }
    atomic {
      dead = dead || LOOK_3;
      assert(dead || !known); /* for ever */
      assert(!dead || seat[had[seen]] != seen || task[had[seen]] != RUNS); /* no false death */
      if
      :: dead -> found_dead = found_dead | BIT(seen); goto is_dead
      :: asks -> asks = false
      :: else -> goto arm
      fi;
      known = false
    }
    /* The second witness. */
#ifndef NO_SECOND_WITNESS
#ifdef ID_LATE
    first = about[0];
    atomic {
      if
      :: id -> seen = id; watches[me] = seen
      :: else -> first = 0; goto look
      fi
    }
#else
    first = about[0];
    second = about[1];
    atomic {
      if
      :: id == seen -> assert(first == second)
      :: else -> first = 0
      fi;
      second = 0
    }
#endif
    atomic {
      if
      :: first && (SAYS(me, first) == ENDING || SAYS(me, first) == GONE)
      :: else -> first = 0; goto arm
      fi
    }
    atomic {
#ifdef DECLARE_BY_MARK
      if
      :: life == NUMBER(first) -> life = MARKED
      :: else
      fi;
#else
#ifndef STORE_DECLARED
      if
      :: declared < seen ->
#endif
        declared = seen;
#ifndef STORE_DECLARED
      :: else
      fi;
#endif
#endif
      no_false_death();
      found_dead = found_dead | BIT(seen);
      first = 0
    }
    SEND_AWAY;
    goto look;
#endif

  arm: /* arm first, ask afterwards */
#ifdef AWAKE
    atomic { asks = true; goto look }
#endif
    atomic {
      if
      :: life == VACANT || life == MARKED -> goto look
      :: else -> armed = true; expected = life; known = (found_dead & BIT(seen)) != 0
      fi
    }
    atomic { dead = declared == seen }
    atomic {
      dead = dead || id != seen;
      assert(dead || !known); /* for ever */
      known = false;
      if
      :: dead -> found_dead = found_dead | BIT(seen); expected = 0; goto is_dead
      :: else
      fi
    }
    /* futex_waitv */
    atomic {
      if
      :: life == expected && armed -> asleep = asleep | BIT(me)
      :: else
      fi;
      expected = 0
    }
  end_asleep:
    atomic {
      if
      :: !(asleep & BIT(me))
#ifdef RECHECK_ANY
      :: asleep & BIT(me) -> asleep = asleep & ~BIT(me); asks = true
#endif
      fi;
      if
      :: expired & BIT(me) -> expired = expired & ~BIT(me); asks = true
      :: else
      fi
    }
    goto look;

  is_dead: /* WatchList::pass_on_deaths */
    atomic {
      looks = 0; dead = false; known = false; asks = false; seen = 0; watches[me] = 0;
      if
      :: armed -> wake_one()
      :: else
      fi;
      goto next
    }
  done:
    finished = finished | BIT(me)
  } unless {
    atomic {
      task[me] == ENDING ->
      asleep = asleep & ~BIT(me); expired = expired & ~BIT(me); watches[me] = 0;
      round = 0; seen = 0; expected = 0; first = 0; second = 0;
      dead = false; known = false; asks = false; was_set = false;
      task[me] = GONE; finished = finished | BIT(me)
    }
  }
}

#define MAY_DIE(i) ((VICTIMS & (CLAIMERS | WATCHERS) & ~finished & BIT(i)) && task[i] == RUNS && BEGINS(i))
proctype killer() {
  byte deaths;
  do
  :: atomic {
      deaths < MAXC ->
      deaths++;
      if
      :: MAY_DIE(1) -> task[1] = ENDING
      :: MAY_DIE(2) -> task[2] = ENDING
      :: MAY_DIE(3) -> task[3] = ENDING
      :: MAY_DIE(4) -> task[4] = ENDING
      :: MAY_DIE(5) -> task[5] = ENDING
      :: else -> deaths = 0; break
      fi
    }
  :: atomic { deaths = 0; break }
  od
}

/* `timeout` is spin's word for: nobody else has a next step. Who sleeps beside one that died in a namespace whose living
   never ask, and whom the kernel did not mark, sleeps on. */
#define DEAD(i) (id != (i) || task[had[i]] == GONE)
#define CAN_BE_KNOWN(i) \
  (id != (i) || life == MARKED || (found_dead & BIT(i)) || \
   (watches[4] == (i) && SPACE(had[i]) == SPACE(4)) || (watches[5] == (i) && SPACE(had[i]) == SPACE(5)))
#define LOST(w) ((asleep & BIT(w)) && DEAD(watches[w]) && CAN_BE_KNOWN(watches[w]))
proctype silence() {
end:
  do
  :: atomic {
      timeout && (LOST(4) || LOST(5)) ->
#ifdef RECHECK_SILENT
      assert(looks < 2); /* lost */
      looks++;
      expired = asleep;
      asleep = 0
#else
      assert(looks > 9) /* lost */
#endif
    }
  od
}

init {
  atomic {
    byte i = 1;
    do
    :: i < 4 && (CLAIMERS & BIT(i)) -> run claimer(i); i++
    :: i > 3 && i < 6 && (WATCHERS & BIT(i)) -> run watcher(i); i++
    :: i < 6 && !((CLAIMERS | WATCHERS) & BIT(i)) -> i++
    :: i == 6 -> break
    od;
    i = 0;
#if MAXC > 0
    run killer();
#endif
#if WATCHERS
    run silence()
#endif
  }
}
