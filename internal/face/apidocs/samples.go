package apidocs

import "strings"

// exchange is a request and its answer. BASE stands for the server's address.
type exchange struct{ Says, Ask, Answer string }

// here puts this server's address into a sample.
func (p page) here(text string) string { return strings.ReplaceAll(text, "BASE", p.docs.Base) }

// ofTokens are how a system gets a token.
var ofTokens = [...]exchange{
	{"A token for a system, without a person", `curl -s BASE/oauth/token \
  -d grant_type=client_credentials --data-urlencode 'scope=system/*.rs' \
  -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \
  -d client_assertion=$JWT

# $JWT is signed with your key (ES384 or RS384):
# header  {"alg": "RS384", "kid": "one", "typ": "JWT"}
# claims  {"iss": CLIENT_ID, "sub": CLIENT_ID, "aud": "BASE/oauth/token",
#          "exp": at most five minutes from now, "jti": never the same twice}`,
		`{"access_token": "y0ZwnQHG…", "token_type": "Bearer", "expires_in": 300, "scope": "system/*.rs"}`},
}

// ofWriting are writes.
var ofWriting = [...]exchange{
	{"Create", `curl -si BASE/fhir/Observation -H "Authorization: Bearer $TOKEN" \
  -H 'Content-Type: application/fhir+json' -H 'Prefer: return=minimal' -d '{
  "resourceType": "Observation", "status": "final",
  "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]}],
  "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}]},
  "subject": {"reference": "Patient/…"}, "effectiveDateTime": "2026-11-20T09:30:00-06:00",
  "valueQuantity": {"value": 72, "unit": "beats/minute", "system": "http://unitsofmeasure.org", "code": "/min"}}'`,
		`HTTP/1.1 201 Created
Location: BASE/fhir/Observation/01m7zdq0t8zbxee3abt5ghzptn/_history/1
ETag: W/"1"
Last-Modified: Sat, 21 Nov 2026 16:06:01 GMT`},
	{"Change one thing, unless somebody else did", `curl -s -X PATCH BASE/fhir/Patient/… -H "Authorization: Bearer $TOKEN" \
  -H 'Content-Type: application/json-patch+json' -H 'If-Match: W/"7"' \
  -d '[{"op": "replace", "path": "/active", "value": true}]'`,
		`HTTP/1.1 412 Precondition Failed

{"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "conflict",
  "diagnostics": "Somebody else changed this in the meantime: it has another version now."}]}`},
	{"Several at once, all or nothing", `curl -s BASE/fhir -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/fhir+json' -d '{
  "resourceType": "Bundle", "type": "transaction", "entry": [
    {"fullUrl": "urn:uuid:0d9bf3b1-6d0f-4c1e-9a86-b2f3cf0f8c11",
     "resource": {"resourceType": "Patient", "identifier": [{"system": "https://lab.example/id", "value": "A-17"}],
       "name": [{"family": "Sample", "given": ["Ada"]}], "gender": "female"},
     "request": {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=https://lab.example/id|A-17"}},
    {"resource": {"resourceType": "Condition", "code": {"text": "Asthma"},
       "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
       "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-category", "code": "problem-list-item"}]}],
       "subject": {"reference": "urn:uuid:0d9bf3b1-6d0f-4c1e-9a86-b2f3cf0f8c11"}},
     "request": {"method": "POST", "url": "Condition"}}]}'`,
		`{"resourceType": "Bundle", "type": "transaction-response", "entry": [
  {"response": {"status": "201 Created", "location": "Patient/01m7zdq0x4ff94hzb7hd2tw33x/_history/1", "etag": "W/\"1\""}},
  {"response": {"status": "201 Created", "location": "Condition/01m7zdq0x4ff94hzb7hd2tw33y/_history/1", "etag": "W/\"1\""}}]}`},
	{"What is not valid, and where", `curl -s BASE/fhir/Observation -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/fhir+json' \
  -d '{"resourceType": "Observation", "status": "finished", "code": {"text": "Heart rate"}, "subject": {"reference": "Patient/…"}}'`,
		`HTTP/1.1 422 Unprocessable Entity

{"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "code-invalid",
  "diagnostics": "Use a code of the value set http://hl7.org/fhir/ValueSet/observation-status|4.0.1: this element takes no other.",
  "expression": ["Observation.status"]}]}`},
}

// ofBulk is an export from its beginning to its end.
var ofBulk = [...]exchange{
	{"Begin", `curl -si 'BASE/fhir/$export?_type=Patient,Condition' -H "Authorization: Bearer $TOKEN" -H 'Prefer: respond-async'`,
		`HTTP/1.1 202 Accepted
Content-Location: BASE/fhir/$export-status?job=tv0bVP6No5vql_clQ3XuOvCrVdlj1C7f`},
	{"Ask how far it is, then fetch", `curl -si 'BASE/fhir/$export-status?job=tv0bVP6No5vql_clQ3XuOvCrVdlj1C7f' -H "Authorization: Bearer $TOKEN"`,
		`HTTP/1.1 202 Accepted, with X-Progress and Retry-After, and at the end
HTTP/1.1 200 OK
Expires: Sun, 22 Nov 2026 16:06:01 GMT

{"transactionTime": "2026-11-21T16:06:01.668Z", "request": "BASE/fhir/$export?_type=Patient,Condition",
 "requiresAccessToken": true, "error": [], "output": [
  {"type": "Condition", "url": "BASE/fhir/$export-file?file=SfEBZ1tWqMWni_raPQ2tsihX", "count": 4252},
  {"type": "Patient", "url": "BASE/fhir/$export-file?file=pw4_Z4XauZpb5iq1IFSPzrsp", "count": 2501}]}`},
}

// ofChanges are subscriptions.
var ofChanges = [...]exchange{
	{"Subscribe by rest-hook", `curl -si BASE/fhir/Subscription -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/fhir+json' -d '{
  "resourceType": "Subscription", "status": "requested", "reason": "New results for our registry",
  "criteria": "BASE/fhir/SubscriptionTopic/results",
  "_criteria": {"extension": [{"url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria",
    "valueString": "Observation?category=laboratory"}]},
  "channel": {"type": "rest-hook", "endpoint": "https://registry.example/hook", "payload": "application/fhir+json",
    "_payload": {"extension": [{"url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content",
      "valueCode": "id-only"}]}}}'`,
		`HTTP/1.1 201 Created
Location: BASE/fhir/Subscription/01m7zdq0zx777vpdaqy3dvv7mk
X-Hale-Signature-Secret: wk4e_477…

{"resourceType": "Subscription", "id": "01m7zdq0zx777vpdaqy3dvv7mk", "status": "requested", …}
It is active once your endpoint has answered the handshake.`},
	{"What your endpoint gets", `POST /hook HTTP/1.1
Content-Type: application/fhir+json
X-Hale-Signature: t=1795277161,v1=5f0c…

{"resourceType": "Bundle", "type": "history", "entry": [
  {"resource": {"resourceType": "Parameters", "parameter": [
     {"name": "subscription", "valueReference": {"reference": "BASE/fhir/Subscription/01m7zdq0zx777vpdaqy3dvv7mk"}},
     {"name": "topic", "valueCanonical": "BASE/fhir/SubscriptionTopic/results"},
     {"name": "status", "valueCode": "active"}, {"name": "type", "valueCode": "event-notification"},
     {"name": "events-since-subscription-start", "valueString": "1"},
     {"name": "notification-event", "part": [{"name": "event-number", "valueString": "1"},
        {"name": "timestamp", "valueInstant": "2026-11-21T16:06:01.382Z"},
        {"name": "focus", "valueReference": {"reference": "BASE/fhir/Observation/01m7zdq0t8zbxee3abt5ghzptn"}}]}]},
   "request": {"method": "GET", "url": "BASE/fhir/Subscription/01m7zdq0zx777vpdaqy3dvv7mk/$status"}, "response": {"status": "200"}},
  {"fullUrl": "BASE/fhir/Observation/01m7zdq0t8zbxee3abt5ghzptn",
   "request": {"method": "POST", "url": "Observation"}, "response": {"status": "201"}}]}`, ""},
	{"By WebSocket", `# Subscribe with "type": "websocket" and no endpoint, then:
curl -s 'BASE/fhir/Subscription/$get-ws-binding-token' -H "Authorization: Bearer $TOKEN"`,
		`{"resourceType": "Parameters", "parameter": [
  {"name": "token", "valueString": "UyMvVGDi…"},
  {"name": "expiration", "valueDateTime": "2026-11-21T16:07:01Z"},
  {"name": "subscription", "valueString": "01m7zdq0zx777vpdaqy3dvv7mk"},
  {"name": "websocket-url", "valueUrl": "…/fhir/$subscription-socket"}]}

Open that address and send, as text: bind-with-token UyMvVGDi…
Notifications arrive as the bundles above.`},
}

// ofLinks are requests of a health link.
var ofLinks = [...]exchange{
	{"Open a link", `curl -s BASE/shl/… -H 'Content-Type: application/json' \
  -d '{"recipient": "Dr. E. Sample, St. Mary", "passcode": "475089"}'`,
		`{"status": "finalized", "files": [{"contentType": "application/fhir+json", "embedded": "eyJhbGciOiJkaXIi…"}]}

With a wrong passcode: 401 and {"remainingAttempts": 4}. At 0 the link has ended for good.`},
}
