package reach

// Points between which a process may die with the least comfort. Config.At is
// told of each as it is passed, so that a test can end the process there.
const (
	planLocked   = "plan locked"   // nothing is decided
	planDecided  = "plan decided"  // nothing is written
	planNoted    = "plan noted"    // nothing is committed
	planKept     = "plan kept"     // nobody was told
	claimLooked  = "claim looked"  // nothing is taken
	claimTaken   = "claim taken"   // nothing is committed
	claimNoted   = "claim noted"   // likewise
	claimKept    = "claim kept"    // no byte has left
	turnBegins   = "turn begins"   // likewise, of this turn
	handing      = "handing"       // a gateway is about to send
	handed       = "handed"        // it has; nobody knows
	settleBegins = "settle begins" // nothing is written
	settleNoted  = "settle noted"  // nothing is committed
	settleKept   = "settle kept"   // on disk
	recovered    = "recovered"     // nothing is committed
)

// Points returns them all.
func Points() []string {
	return []string{
		planLocked, planDecided, planNoted, planKept, claimLooked, claimTaken, claimNoted, claimKept, turnBegins,
		handing, handed, settleBegins, settleNoted, settleKept, recovered,
	}
}

func (e *Engine) at(point string) {
	if e.At != nil {
		e.At(point)
	}
}
