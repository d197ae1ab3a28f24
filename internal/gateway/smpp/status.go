package smpp

import (
	"fmt"
	"time"

	"hale/internal/reach"
)

// Status is a command_status of section 5.1.3.
type Status uint32

// The statuses that are told apart here.
const (
	OK             Status = 0x00
	BadLength      Status = 0x02 // ESME_RINVCMDLEN
	BadCommand     Status = 0x03 // ESME_RINVCMDID
	BadBindState   Status = 0x04
	AlreadyBound   Status = 0x05
	SystemError    Status = 0x08
	BadSource      Status = 0x0a
	BadDest        Status = 0x0b // ESME_RINVDSTADR
	BindFailed     Status = 0x0d
	BadPassword    Status = 0x0e
	BadSystem      Status = 0x0f
	QueueFull      Status = 0x14 // ESME_RMSGQFUL
	BadDestTON     Status = 0x50
	BadDestNPI     Status = 0x51
	Throttled      Status = 0x58 // ESME_RTHROTTLED
	TryAgain       Status = 0x64 // ESME_RX_T_APPN
	RejectedByApp  Status = 0x65
	UnknownError   Status = 0xff
	QueryFailed    Status = 0x67
	BadMessageID   Status = 0x0c
	SubmitFailed   Status = 0x45
	BadServiceType Status = 0x15
)

// verdict is what a status of a submit_sm says about the message.
type verdict struct {
	outcome reach.Outcome
	code    string
	words   string
	wait    time.Duration
}

// verdicts is the table of errors. What is not in it and not a provider's own
// is about the message or the way we wrote it, and is for good.
var verdicts = map[Status]verdict{
	BadBindState:   {reach.Temp, "bind_state", "the session cannot send", time.Minute},
	AlreadyBound:   {reach.Temp, "bind_state", "the session cannot send", time.Minute},
	SystemError:    {reach.Temp, "system_error", "the provider has trouble", time.Minute},
	BadDest:        {reach.Rejected, "invalid_number", "the provider says that the number is none", 0},
	BadDestTON:     {reach.Rejected, "ton", "the provider does not take this type of number", 0},
	BadDestNPI:     {reach.Rejected, "npi", "the provider does not take this type of number", 0},
	BadSource:      {reach.Rejected, "sender", "the provider does not take this sender", 0},
	BindFailed:     {reach.Temp, "bind", "the provider did not let us in", 5 * time.Minute},
	BadPassword:    {reach.Temp, "bind", "the provider did not let us in", 5 * time.Minute},
	BadSystem:      {reach.Temp, "bind", "the provider did not let us in", 5 * time.Minute},
	QueueFull:      {reach.Temp, "queue_full", "the provider's queue is full", 30 * time.Second},
	Throttled:      {reach.Temp, "throttled", "the provider asks us to slow down", 10 * time.Second},
	TryAgain:       {reach.Temp, "try_again", "the provider asks us to try again", time.Minute},
	RejectedByApp:  {reach.Rejected, "refused", "the provider refused the message", 0},
	SubmitFailed:   {reach.Rejected, "submit_failed", "the provider refused the message", 0},
	BadServiceType: {reach.Rejected, "service_type", "the provider does not know the service type", 0},
	UnknownError:   {reach.Temp, "unknown_error", "the provider has trouble that it does not name", 5 * time.Minute},
}

// result says what an answer to a submit_sm means.
func (s Status) result() reach.Result {
	v, ok := verdicts[s]
	if !ok {
		v = verdict{reach.Rejected, "refused", "the provider refused the message", 0}
	}
	code := fmt.Sprintf("%s_0x%02x", v.code, uint32(s))
	if v.code == "invalid_number" {
		code = v.code // what the ledger takes for a number that is none
	}
	return reach.Result{Outcome: v.outcome, Code: code, Detail: v.words, RetryAfter: v.wait}
}

// full says whether the peer asks us to slow down.
func (s Status) full() bool { return s == Throttled || s == QueueFull }

// unknownCommand says whether a peer does not know what it was asked for.
func (s Status) unknownCommand() bool { return s == BadCommand || s == BindFailed }
