package mailin

import (
	"context"
	"fmt"
	"strings"

	"hale/internal/access"
	"hale/internal/base/errs"
	"hale/internal/base/intake"
	"hale/internal/care/document"
	"hale/internal/care/thread"
	"hale/internal/reach"
	"hale/internal/reach/dialog"
	"hale/internal/reach/wish"
)

// enclose puts what is attached to an answer where patients' letters go, and
// returns what became of each. A file is put there once, however often the
// letter is looked at.
func (d *Desk) enclose(ctx context.Context, k kept, patient string, files []file) (list []dialog.Attachment, notes string, err error) {
	if len(files) == 0 {
		return nil, "", nil
	}
	if patient == "" || d.Letters == nil {
		return nil, refusal(files, "we do not know who wrote"), nil
	}
	var made []string
	if k.files != "" {
		made = strings.Split(k.files, ",")
	}
	pass, err := d.Doors.Check(ctx, access.SystemActor("mail that comes back", access.SendMessages), access.SendMessages, patient)
	if err != nil {
		return nil, "", err
	}
	for i, f := range files {
		if i >= len(made) {
			id, err := d.Letters.Send(ctx, pass, document.Letter{Sort: "other", Note: "Came by e-mail", Body: f.body})
			switch {
			case err == nil:
			case errs.KindOf(err) == errs.Invalid || errs.KindOf(err) == errs.TooMany:
				id = "-"
			default:
				return nil, "", err // tried again later
			}
			made = append(made, id)
			if err := d.attached(ctx, k.id, strings.Join(made, ",")); err != nil {
				return nil, "", err
			}
		}
		if made[i] == "-" {
			notes += refusal(files[i:i+1], "we do not open this kind of file, or it is too large or harmful")
			continue
		}
		list = append(list, dialog.Attachment{Name: f.name, Type: f.media, Size: int64(len(f.body)), Ref: "DocumentReference/" + made[i]})
	}
	return list, notes, nil
}

// sorted has files go where the answer goes: into the thread that it answers,
// as came, or to patients' letters, as files.
func (d *Desk) sorted(ctx context.Context, k kept, f found, reading wish.Reading, list []file) (came []intake.File, files []dialog.Attachment, notes string, err error) {
	if len(list) > 0 && d.Threads != nil && d.Letters != nil && f.Patient != "" && reading.Meaning == reach.Other {
		in, err := d.Threads.Tells(ctx, f.Message, f.Patient)
		if err != nil {
			return nil, nil, "", err
		}
		if in {
			came, notes, err = d.looked(ctx, list)
			return came, nil, notes, err
		}
	}
	files, notes, err = d.enclose(ctx, k, f.Patient, list)
	return nil, files, notes, err
}

// looked opens the files that go into a thread, as uploads are opened and
// with the same bounds. What is not taken is named: both sides read it.
func (d *Desk) looked(ctx context.Context, list []file) (came []intake.File, notes string, err error) {
	for i, f := range list {
		if len(came) == thread.MaxFiles {
			return came, notes + refusal(list[i:], fmt.Sprintf("one message holds %d files", thread.MaxFiles)), nil
		}
		one, err := d.Letters.Check(ctx, f.body)
		switch {
		case err == nil:
			came = append(came, one)
		case errs.KindOf(err) == errs.Invalid || errs.KindOf(err) == errs.TooMany:
			notes += refusal(list[i:i+1], fmt.Sprintf("we take photos and PDFs of up to %d MB that are not harmful", intake.MaxFile>>20))
		default:
			return nil, "", err // tried again later
		}
	}
	return came, notes, nil
}

func refusal(files []file, why string) string {
	var b strings.Builder
	for _, f := range files {
		name := f.name
		if name == "" {
			name = "a file"
		}
		fmt.Fprintf(&b, "\n\n[%s was attached and not taken: %s.]", name, why)
	}
	return b.String()
}
