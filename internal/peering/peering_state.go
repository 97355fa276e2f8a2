package peering

import "slices"

// peeringSteps is the axis of agreement. Every open state may be ignored for a
// while, and what is ignored comes back to none.
var peeringSteps = map[PeeringState][]PeeringState{
	PeeringNone:     {RequestedByUs, RequestedByThem, Agreed, Ignored},
	RequestedByUs:   {Agreed, Declined, Lapsed, RequestedByThem, Ignored},
	RequestedByThem: {Agreed, Declined, Lapsed, RequestedByUs, Ignored},
	Declined:        {RequestedByUs, RequestedByThem, Agreed, Ignored},
	Lapsed:          {RequestedByUs, RequestedByThem, Agreed, Ignored},
	Agreed:          {Disputed, Suspended, Ending},
	Disputed:        {Agreed, Ending},
	Suspended:       {Agreed, Ending},
	Ending:          {Ended},
	Ended:           {RequestedByUs, RequestedByThem, Agreed, Ignored},
	Ignored:         {PeeringNone, RequestedByUs, RequestedByThem, Agreed},
}

// To refuses a step that a peering can't take.
func (s PeeringState) To(next PeeringState) error {
	if _, known := peeringSteps[next]; !known {
		return Errorf(Invalid, "%q is no state of a peering", next)
	}
	if slices.Contains(peeringSteps[s], next) {
		return nil
	}
	return Errorf(Conflict, "a peering that is %s can't become %s", s, next)
}

// intentSteps is what may be wanted of a session next. Traffic drains before a
// session is shut down, and a session is shut down before it is removed.
var intentSteps = map[Intent][]Intent{
	Absent:   {Present},
	Present:  {Draining, Shutdown},
	Draining: {Shutdown, Present},
	Shutdown: {Removing, Present},
	Removing: {Absent},
}

// To refuses a step that an intent can't take.
func (i Intent) To(next Intent) error {
	if _, known := intentSteps[next]; !known {
		return Errorf(Invalid, "%q is no intent of a session", next)
	}
	if slices.Contains(intentSteps[i], next) {
		return nil
	}
	return Errorf(Conflict, "a session whose intent is %s can't become %s", i, next)
}
