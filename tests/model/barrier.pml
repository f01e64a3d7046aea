/* Barrier: all who arrive in a round learn the same of it, whoever dies or gives up.
 *
 * Each step is one atomic operation on the word or on a note, or one decision of the kernel; between any two of them the
 * killer may strike and everybody else may run. The names at the steps are those of the C++: src/sync/barrier.cpp.
 * Two threads or, with THIRD, three. Every end of a life wakes all sleepers; an arrival wakes nobody.
 *
 * What is checked
 *   one fate      of those who arrived in a round none is told that it was completed if another is told that it broke
 *                                                                                                  (`one_fate`)
 *   a death tells in the end nobody waits in a round in which somebody that had noted its arrival is dead (`nobody gets on`)
 * Configuration
 *   PARTIES       2, or 3
 *   R, MAXC       rounds of each actor; deaths in all
 *   TIMEOUTS      a waiter may give up
 *   Defects, to see the checks fail: NO_NOTE, NO_LOOK (nobody looks for dead parties), FATE_OF_NOW (who wakes
 *   asks what became of the round that is open now)
 */
#ifndef R
#define R 2
#endif
#ifndef MAXC
#define MAXC 0
#endif
#ifndef PARTIES
#define PARTIES 2
#endif

byte round = 1;
bool broken;
byte count;
bool contended;
byte note[4];     /* the round it has arrived at, in its slot */
byte counted[4];  /* the round it has really arrived at: for the check alone */
bool dead[4];
bool asleep[4];
bool met[8];      /* what was told of each round */
bool failed[8];
byte deaths, looks;

#define WAKE_ALL asleep[1] = false; asleep[2] = false; asleep[3] = false
#define DEAD_HERE(i) (dead[i] && note[i] == round)
#define DIED_HERE(i) (dead[i] && counted[i] == round)

inline wake_if(was_contended) {
  atomic {
    if
    :: was_contended -> WAKE_ALL
    :: else
    fi
  }
}

/* settle_arrivals: breaks the round if somebody that has noted it is dead. */
inline settle() {
  skip;
#ifndef NO_LOOK
  atomic {
    if
    :: (DEAD_HERE(1) || DEAD_HERE(2) || DEAD_HERE(3)) && !broken -> broken = true; marked = contended; contended = false
    :: else -> marked = false
    fi
  };
  wake_if(marked)
#endif
}

proctype party(byte me) {
  byte mine, seen, times;
  bool marked;
  {
    skip;
arrive:
    atomic {
      if
      :: times == R -> goto out
      :: times < R && broken -> goto out
      :: else -> mine = round; seen = count
      fi
    }
#ifndef NO_NOTE
    atomic { note[me] = mine }
#endif
    if
    :: seen + 1 == PARTIES -> settle()
    :: else
    fi;
    atomic {
      if
      :: broken || round != mine || count != seen -> goto arrive
      :: else ->
        if
        :: seen + 1 == PARTIES -> round++; count = 0; marked = contended; contended = false
        :: else -> count++; counted[me] = mine; marked = false; goto waiting
        fi
      fi
    }
    wake_if(marked);
    goto completed;
waiting:
    atomic { /* fate_of */
      if
#ifdef FATE_OF_NOW
      :: broken -> goto told_broken
      :: !broken && round != mine -> goto completed
#else
      :: round != mine -> goto completed
#endif
      :: round == mine && broken -> goto told_broken
      :: else
      fi
    }
#ifdef TIMEOUTS
    if
    :: atomic {
        if
        :: round == mine && !broken -> broken = true; marked = contended; contended = false
        :: else -> marked = false
        fi
      }
      wake_if(marked);
      goto waiting
    :: skip
    fi;
#endif
    settle();
    atomic {
      if
      :: round == mine && !broken -> contended = true
      :: else -> goto waiting
      fi
    }
    atomic { asleep[me] = round == mine && !broken }
end_asleep:
    atomic { !asleep[me] -> goto waiting }
completed:
    atomic { met[mine] = true; looks = 0; assert(!failed[mine]) } /* one_fate */
    atomic { note[me] = 0; times++ }
    goto arrive;
told_broken:
    atomic { failed[mine] = true; looks = 0; assert(!met[mine]) } /* one_fate */
out:
    atomic { note[me] = 0 }
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
      deaths++; dead[victim] = true; WAKE_ALL
    }
  :: break
  od
}

/* `timeout` is spin's word for: nobody else has a next step. Of the sleepers only those wait for somebody dead who do so in
 * a round that a dead one had noted; the others wait for parties that have not come. */
proctype silence() {
end:
  do
  :: atomic {
      timeout && (asleep[1] || asleep[2] || asleep[3]) && !broken && (DIED_HERE(1) || DIED_HERE(2) || DIED_HERE(3)) ->
      looks++;
      assert(looks < 3); /* nobody gets on */
      WAKE_ALL
    }
  od
}

init {
  atomic {
    run party(1);
    run party(2);
#ifdef THIRD
    run party(3);
#endif
    run killer();
    run silence()
  }
}
