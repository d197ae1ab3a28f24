package dsn

import (
	"regexp"
	"strings"
)

// rule gives a reason to words. The first that matches counts, so what is
// said exactly stands before what is said loosely.
type rule struct {
	reason Reason
	words  *regexp.Regexp // in lower case, without addresses and links
	status *regexp.Regexp // of the status; nil: any
	at     step           // of the session; empty: any
}

func (r rule) fits(words, status string, where step) bool {
	return (r.at == "" || r.at == where) && (r.status == nil || r.status.MatchString(status)) && r.words.MatchString(words)
}

// phrases are the rules as data: a reason, then any of the phrases that give
// it. A phrase is a regular expression. A line that begins with "status" or
// "at" limits the phrases below it, to those statuses or that step of the
// session; a bare one ends that. A reason may come again, with looser phrases.
const phrases = `
mailererror
	\bprocmail:|\bmaildrop:|unknown mailer error
expired
	(envelope|message|delivery time|delivery period) expired|did not accept our requests to connect|delivery failed \d+ attempts|aborted after [\d.]+ (hour|day)
policyviolation
	content presents a potential|blocked for security reasons
hostunknown
	account or domain may not exist|domain is not reachable|unrouteable address|unroutable address
notaccept
	null mx|indicated no smtp service|couldn.t find a mail exchanger or ip
blocked
	unwanted (mail|messages)|use (the |your )?(smtp|mail|e-?mail)? ?(server|relay|gateway)? ?(of|from|at)? ?your (isp|provider|internet service)|^(554|550) ip=
	at connect
	access denied|permission denied|not authori[sz]ed
	at
requireptr
	unverif(y|i)able sending ip|mismatch\w* client ip
filtered
	this user doesn.t have an? \S+ account
userunknown
	recipient address(es)? rejected ?: access denied|recipient (address )?rejected\.?$|recipient (address )?rejected\.? \(
	status ^5
	requested (mail )?action not taken: ?mailbox unavailable
	status ^$
	requested (mail )?action not taken: ?mailbox unavailable
	status
networkerror
	status ^4
	dns error
	status
rejected
	at mail
	access denied|permission denied|not authori[sz]ed
	at
	purported responsible|send mail as|google (groups|グループ)|grupos de google|групи google|групп\w* google|google ?grup
securityerror
	smtp auth\w*|unauthenticated senders?
authfailure
	\bdmarc\b
	\bspf\b.{0,60}(fail|reject|not (pass|authori[sz]ed|permitted|allowed)|deny|denied|softfail|check|record|-all)
	(fail|reject|not pass|did not pass|deny|denied|unauthori[sz]ed|violat)\w*.{0,60}\b(spf|sender policy framework|dkim|domainkeys)\b
	\bdkim\b.{0,60}(fail|invalid|bad|missing|did not|reject|required)
	\bspf\b.{0,40}\bdkim\b
	email from (address )?is not authenticated|unauthenticated (e-?mail|messages?)|email isn.t authenticated|sender authentication fail
	not (listed|permitted|designated|authori[sz]ed) .{0,40}(in|by) .{0,30}spf
requireptr
	\bptr\b
	reverse[ -]?(dns|lookup|hostname|address|mapping|name|resolution|zone)
	\brdns\b
	(cannot|could not|can.t|unable to) (find|resolve) (your|the client|client|a valid) (reverse )?(host ?name|ip|domain|address)
	fix reverse|no reverse|client (ip )?address .{0,40}(does not|doesn.t) resolve
	forward[ -]confirmed|does not have a (valid )?(host ?name|name)
	unresolvable (relay )?host ?name|(ip|address) (does not|cannot) (be )?resolve
virusdetected
	\bvirus(es)?\b|\bmalware\b|\bworm\b|\btrojan\b|infected|infizier|executable files?|dangerous (attachment|content)
mailboxfull
	(mail ?box|inbox|mail ?folder|account|user|mail ?dir|recipient|destination|box|quota|storage|disk)s?'?s? .{0,40}(is |are |has |was )?(currently |over |too )?(full\b|over ?quota|exceed|overdrawn|overflow|out of (space|storage|disk|quota))
	over ?(-|the )?(the )?(allowed |storage |disk |mail )?quota|quota.{0,30}(exceed|full|violat|limit|reached)|(exceed|reach)\w*.{0,60}(quota|storage (limit|alloc|capacity)|disk space|mailbox (size|limit))
	(insufficient|not enough|no|out of|lack of).{0,20}(disk |storage |mailbox |free )?(space|storage|room).{0,20}(left|for|in|to store|mailbox|user|available)
	mailbox (size )?limit|mailfolder (is )?full|user has too many messages|too much mail data|(mailbox|inbox).{0,20}\b(full|voll|lleno|plein|pien[ao])\b|is over(drawn|quota)|overquota|exceeded the space|box is full|disk full\b|not enough (storage|(disk )?space)
	out of storage|storage.{0,20}exceeded|maximum (number of messages|storage|capacity)|boite.{0,20}pleine|buz.n lleno|postfach.{0,20}voll
exceedlimit
	status ^5\.2\.3$
	(message|mail).{0,40}(exceed|too (big|large|long)|larger|size|length)
	recipients? limit|message length
	status
mesgtoobig
	(message|mail|letter|attachment|e-?mail|content|body|it)('s)?.{0,20} (size )?(is |was )?(too|over) (big|large|long|sized)
	(message|mail|maximum|max|fixed|size|body).{0,30}(size|limit|length).{0,30}(exceed|over|reach|limit)|exceed\w*.{0,50}(message|mail|maximum|max|fixed|administrative) .{0,20}(size|limit|length)
	too large (message|mail|body|a message)|max message size|message size limit|larger than the (current|maximum|allowed)
notcompliantrfc
	not (rfc|compliant|conform)|rfc ?\(?[25]\d?3?22\)?|\brfc[- ]?(2822|5322|822|5321|2821)\b.{0,40}(complian|violat|conform|require|invalid)
	(duplicate|multiple|missing|invalid|more than one|no valid|without|malformed|bad) .{0,30}(from|to|date|message-id|subject|sender|mime)?[: ]*header
	(headers? (are|is) (not|missing|malformed|in violation))|bare (lf|cr|newline)|(from|date|message-id) header.{0,40}(missing|invalid|required|not (valid|compliant)|multiple)
speeding
	(too|so) fast|send(ing)? rate|rate[ -]?limit.{0,30}(sender|ip)|receiving mail at a rate|throttl
toomanyconn
	too many .{0,30}(connection|session|concurrent|recipient|message|smtp|mail|error|hosts)
	(connection|session|recipient|message|sending|rate|hourly|daily).{0,30}(limit|rate|frequency|number).{0,40}(exceed|reach|over|limited|controlled)|exceed\w*.{0,40}(connection|session|concurren|rate|number of|messages per)
	rate ?limit|limit (exceeded|reached) for|frequency limited|too many (unsuccessful|in a)|maximum (concurrent|number of (connections|recipients))|max(imum)? (connections|emails|messages).{0,30}(exceeded|reached|per)
blocked
	(ip|client|server|host|connect\w*|network|address|your|sending|mta|relay).{0,60}(blocked|black ?-?list|block ?-?list|deny ?list|banned|listed (at|by)|on (our|the|a) (block|black|deny))
	\brbls?\b|\bdnsbl\b|\bsbl\b|\bxbl\b|\bpbl\b|\bcbl\b|\bspamcop\b|\bspamhaus\b|\bbarracuda ?central\b|\bsorbs\b|\bsenderbase\b|\btalos\b|black ?list|block ?list|blackhole|blocked (by|using|due|for|from|because|at)|listed at |is blocked|was blocked
	(bad|poor|low|negative|sender|ip|your).{0,12}reputation|reputation (of|is|filter|score|too low)
	(no access|access denied|denied|reject\w*|refus\w*|not (allowed|accept\w*|permitted)).{0,60}(from|for) (your|this|the|mail|client|sending)? ?(ip|mail ?server|client|network|host|address|server)
	open[ -](relay|proxy)|dynamic(ally)?[ -](assigned|ip|address|host|generic)|(dial-?up|residential|dynamic).{0,30}(ip|address|pool|host|line)|user complaints|banned sending ip
	(connection|connexion) (was |has been )?(refus|reject|denied|dropped|not allowed|blocked|closed due)\w*.{0,20}(by|due|because|from|reason|policy|$)?.{0,20}(ip|reputation|host|polic|client|blacklist)
	client host rejected|service refus|helo .{0,30}(reject|invalid|denied)|\b(ofr|lpn)_?\d+\b.{0,40}(refus|block|reject)|mail server .{0,20}(rejected|not allowed)|not allowed to connect|your (ip|network|server|host|domain name) .{0,60}(refus|reject|block|deni|not)
	greylist|grey ?-?listed|gr[ae]y-?listing|unusual (rate|volume)|temporarily deferred|suspicious (activity|traffic)|go away
spamdetected
	\bspam\b|spam(my|ming|assassin| content| score)|\bunsolicited\b|\bjunk\b|\bbulk (mail|e-?mail)\b|considered (as )?(spam|junk|unsolicited)|looks like|\bphishing\b|\bfraud|content (rejected|filter|restrict|scan|is not|was|denied|blocked)|high (probability|score)|score (too|is|exceed)
	message (content )?(rejected|refused|blocked|denied).{0,30}(content|filter|uribl|surbl|url)|\b(uribl|surbl)\b|(rejected|blocked|refused|denied) (by|due to|as|because of).{0,25}(content|spam|filter|bogofilter|cloudmark|ciphertrust|anti)
	\bofr_?506\b|\bcmae\b|identified .{0,20}(spam|unsolicited|suspicious)|mail (appears|seems|looks)
suspend
	(account|mail ?box|user|recipient|address|e-?mail|box|domain|service|client|subscriber|customer)s?.{0,50}(is |was |has been |have been |been |are )?.{0,20}(suspend|disabled|inactiv|deactivat|locked|closed|terminated|discontinued|frozen|expired|dormant|blocked|shut ?down|switched off|on hold|not active|out of service|canceled|cancelled|barred)
	(suspended|disabled|inactive|deactivated|dormant|locked|closed|expired|discontinued|frozen) .{0,20}(account|mail ?box|user|recipient|address|e-?mail|box)
	(mail ?box|account|user|recipient).{0,30}(currently |temporarily )?(unavailable|not (currently )?(available|accepting|receiving|able to receive))|temporarily (unavailable|not accepting).{0,20}(mail ?box|account|user)
	out of coverage|not receiving mail|is not active|does not (currently )?accept mail for this|vacation hold
hasmoved
	(has|have|had|was) (been )?moved|(new|changed|different) (e-?mail )?address|address (has )?changed|no longer (with|works?|employed)|moved (to|permanently)|replaced by|left (the|our) (company|organi[sz]ation)|user not local; please try|not local.{0,20}please (try|forward)|please update your (records|address book)|no forwarding address
notaccept
	null ?-?mx|(does|do|will|can) ?(not|n.t) (currently )?(accept|receive|take) (any |e?-?)?(mail|messages|smtp|email)s?\b|no (mail|smtp) (accepted|service) (here|at|on)|(host|domain|server|system).{0,40}(does|do|will|can) ?(not|n.t) (accept|receive|handle|support) (any )?(mail|e-?mail|smtp|messages)|mail (service|system) (is )?not available (for|at) this (domain|host)|mx .{0,40}(points? to|is) (an )?(illegal|invalid|0\.0\.0\.0|localhost)|no valid (mx|mail exchanger)|invalid (mx|mail exchanger)
hostunknown
	(unknown|no such|invalid|bad|nonexistent|non-existent|unresolvable|unrouteable|unroutable|illegal) (destination )?(host|domain|mail domain|server|system|mail server|remote host|destination system)
	(host|domain|mail server|site)( name| or domain name|name|s)?.{0,40}(unknown|not found|does(n.t| not) exist|not exist|could not be found|cannot be found|isn.t|is not (valid|known|registered|defined|exist)|nicht gefunden)
	\bnxdomain\b|name or service not known|(cannot|can.t|couldn.t|could not|unable to|failed to) (find|resolve|lookup|look up) (a |an |any |the )?.{0,40}(host|domain|mx|mail server|dns|ip|address record)|unrouteable (mail )?domain|unroutable domain|no (mx|mail exchanger|dns|a) .{0,20}(record|found|entr|exist)|domain .{0,40}(expired|parked)|bad destination system|misspelled|host unknown|no such domain|all relevant mx|recipient domain must exist|domain (does )?not (have|exist)|sorry, i couldn.t find any host
userunknown
	(user|recipient|mail ?box|account|address|addressee|person|alias|subscriber|customer|box|login|user ?id|name|local part|local-part|destination|receiver|member|e-?mail|employee|destinatario|utilisateur|usuario|benutzer|adresse|list)('?s)?( name| address| account| mailbox| e-?mail)?[^.;]{0,60}?(unknown|not found|(does|do)(n.t| not) exist|not exist|no longer (valid|exist|available|in use|active|accept|on)|invalid|not (a )?(valid|known|listed|local|recogni[sz]ed|exist|defined|here|registered)|isn.t (valid|known|here)|non-?existent|could(n.t| not) be found|cannot be found|can.t be found|is bad|unrecognized|inconnu|desconocid|nicht bekannt|unbekannt|existiert nicht|n.existe|no existe|was not found|not our customer|undeliverable|unavailable|not in (our|the)|ambiguous|is wrong|rejected as)
	(no such|unknown|invalid|bad|nonexistent|non-existent|undefined|incorrect|unrecogni[sz]ed|not a (valid|known)|no|inexistent|illegal|wrong|missing) (.{0,20} )?(user|recipient|mail ?box|account|addressee|local ?-?part|alias|person|login|user ?id|customer|subscriber|name here|e-?mail address|address|member|receiver|destination mailbox)\b
	(does|do)(n.t| not) have an? .{0,40}(account|mail ?box|here|address)|\bno mailbox\b|there is no (one|user|such)|not (a )?(known|listed) (user|in)|sorry, no mailbox here|unknown or illegal|recipient (not found|rejected|address rejected: (user|unknown|undeliverable|invalid|no such|access denied|address))|\bunknown user|user unknown|recipnotfound|resolver\.adr|adr\.(recipnotfound|exrecipnotfound)|not on (our|this|the) (list|server|system)|this (user|address|account|recipient|mailbox) |delivery to .{0,20}failed.{0,30}(unknown|recipient)|550 .{0,10}unknown|mailbox (is )?unavailable|no account by that|address error|verify the (address|recipient)|bad address syntax|destination mailbox address|address syntax|said: 550 (user|unknown|no)|who are you looking for|never heard of
norelaying
	relay(ing)?( access)?( to)?.{0,30}(denied|not (allowed|permitted|authori[sz]ed|accepted)|prohibited|forbidden|rejected|disallowed|not local|refused)|(not|n.t|unable to|refus\w*|denied|cannot|no).{0,40}\brelay(ing)?\b|not (a |an )?(open )?(relay|gateway)|not allowed to relay|that domain isn.t in my list
rejected
	(sender|from|mail from|return[ -]path|envelope|reverse[ -]path|originator).{0,60}(reject|refus|denied|deny|not (allowed|accept|permitted|authori[sz]ed|exist|found|valid|verif)|invalid|blocked|unknown|does not|must|bad|unable|cannot|black|forbidden|undeliverable|disallowed)
	(reject|refus|deni|den(y|ied)|block|unknown|invalid|bad|not accept\w*|unresolvable|unroutable|unverified|forged)\w*.{0,30}(sender|mail from|from (address|domain|header)|originator|return[ -]path)|backscatter|(access|message|mail) (from|to) .{0,40}(reject|restrict|deni|not (allowed|permitted|accept))|you (are|do) not .{0,30}(allowed|permission|permitted|authori[sz]ed) to (send|post|write|contact|message)|permission to (post|send)|not (allowed|authori[sz]ed|permitted) to (send|post)|(allowed|authori[sz]ed|permitted) senders?|email address (is )?on senders?|posting .{0,20}(not|restrict|denied)|domain of sender|sending domain|rule imposed|restricted|only (members|subscribers|authori[sz]ed|registered)
policyviolation
	(for|due to|violat\w*|against|because of|by|under|our|local|site|security|usage|content|administrative|mail) (\w+ ){0,3}polic(y|ies)|policy (reason|violation|reject|restrict|block|reject|rule|denie)|prohibited|not (accept\w*|allow\w*|permit\w*) (for|due to|by|under|at)|attachment.{0,40}(not|block|reject|forbid|type)|(forbidden|banned|blocked|disallowed) (attachment|file|content|extension)|security (reason|risk|issue|threat|concern)|administrative prohibition|potential security
securityerror
	(authenti|authori[sz])\w*.{0,30}(require|fail|need|denied|reject|invalid|not|first)|(require|must|need|not|without|denied|fail).{0,40}(authenti|authori[sz])|starttls|must issue|\btls\b.{0,40}(require|need|must|fail|not|negotiat)|encrypt\w*.{0,30}(require|need|must)|(require|need|must).{0,30}encrypt|access denied|permission denied|not (authori[sz]ed|allowed|permitted)|unauthori[sz]ed|delivery not|insufficient (permission|right|privilege)|certificate|you have been
filtered
	filter(ed|ing)?|(recipient|user|customer).{0,40}(refus|reject|block|restrict|does not (want|accept|wish)|only accepts?|not accept)|refused by (the )?recipient|not accept(ed|ing)? (messages|mail|e-?mail) from|whitelist|domain-?specified reception
expired
	(message|mail|delivery|queue|retry|time|transfer|it|attempt\w*).{0,40}(expired|timed? ?-?out|time limit|too long|too old|time exceeded|timeout)|(could|can) ?(not|n.t) be delivered (for|within|in) .{0,40}(hour|day|minute)|retry time(out)? (exceeded|not reached)|(too long|too old|expired) in (the )?(mail )?queue|(has )?been (in|on) (the )?queue (too|for)|giving up (after|on)|delivery (time|attempt)s?.{0,20}(expired|exhaust|exceeded)|maximum (time|retry|queue|number of (attempts|retries))|after .{0,20}(hour|day|attempt|retries|minutes)|connection timed out|connect\w* .{0,60}timed out|timed out|time-?out|operation timed|unable to deliver in|not been delivered|exceeded .{0,20}(retry|queue|time)|will (be|continue|keep)( retry| retried| trying| attempt)
networkerror
	loop(ing|s|ed)?\b|too many hops|hop ?count|(network|host|destination|server|route|system) (is )?(unreachable|not reachable|down|not responding)|no route|unable to (connect|contact|reach|route)|(could|can) ?(not|n.t) (connect|contact|reach|be reached|establish)|(connection|connect|conversation|lost connection|session).{0,60}(refused|reset|lost|closed|failed|dropped|aborted|broken|interrupt|unexpected|error)|lost connection|(dns|name server|nameserver|name service|mx|lookup|lookups).{0,60}(fail|error|problem|timeout|not|temporar|servfail|malformed|malfunction|respond|try again)|(fail|error|problem|temporar)\w*.{0,40}(dns|name ?server|lookup|resolv)|no gateway|no mail hosts|not reachable|routing (error|server|failure)|network (error|problem|failure)|remote host|socket|no answer from|bad (mx|route)|host .{0,40}not respond|local loop|mail for .{0,40}loops|no (working|alive|answer)
systemfull
	(mail |system |server|spool|queue|file ?system).{0,20}(is )?full|(insufficient|not enough|no).{0,10}system (storage|resource|space|disk)|system storage|no space left on device
systemerror
	system (error|fail|problem|config|not)|(local|internal|server|service|configuration|software|temporary|unexpected|fatal|processing|program|database|ldap|backend|i/o|resource|storage|milter)\w* .{0,20}(error|fail|problem|unavailable|problem|trouble|not available|misconfig|exception|shortage)|misconfigur|service (currently )?(un|not )available|(can ?not|couldn.t|could not|can.t|unable to) (load|open|write|create|lock|read|append|allocate|queue|chdir|stat|access|execute|process|run|move|save|store|rename|bind)|out of memory|cannot allocate|too many open|error in processing|timeout waiting for|(file|queue|disk|database|i/o) \w* ?error|lowest[- ]numbered mx|mail (server|system) (is )?(temporarily|currently|not)|requested action (aborted|not taken)|transaction failed|temporar(y|ily).{0,30}(fail|error|unavail|problem|reject|refus|deferr|suspend|lookup)|aborted|no further information|remote protocol error|config(uration)? (error|problem)|illegal host\b|pr-cf|unable to deliver
mailererror
	mailer (error|fail|exit|prog)|command (died|failed|output|time)|(program|pipe|command|script|child|process|delivery agent|local delivery|transport|vacation|procmail|maildrop|\bmaildir).{0,60}(status|exit|fail|died|return|error|signal|time|output|not)|x-unix|exit (code|status|with)|returned with exit|unknown mailer|dead\.letter|cannot exec|\bpipe to\b|include file|forward file|\.forward|\.qmail|\.procmailrc
syntaxerror
	syntax (error|is)|bad sequence|(command|parameter|verb).{0,40}(not (recogni[sz]ed|implemented|understood|supported|permitted)|unknown|unrecogni[sz]ed|rejected|bad|unexpected|out of sequence)|unrecogni[sz]ed (command|parameter)|invalid command|need (mail|rcpt)|improper use|nested mail|sender already|no valid recipients
contenterror
	(body|content|header|mime|line|charset|encoding|base64|8-?bit|attachment).{0,60}(malform|invalid|illegal|not (support|valid|allowed)|unsupport|corrupt|conversion|too long|convert|broken|bad|error|fail)
`

// rules are the phrases, compiled.
var rules = compile(phrases)

func compile(text string) []rule {
	var list []rule
	var reason Reason
	var status *regexp.Regexp
	var where step
	for line := range strings.SplitSeq(text, "\n") {
		phrase, indented := strings.CutPrefix(line, "\t")
		switch {
		case line == "":
		case !indented:
			reason, status, where = Reason(line), nil, ""
		case strings.HasPrefix(phrase, "status"):
			status = nil
			if s := strings.TrimSpace(strings.TrimPrefix(phrase, "status")); s != "" {
				status = regexp.MustCompile(s)
			}
		case phrase == "at" || strings.HasPrefix(phrase, "at "):
			where = step(strings.TrimSpace(strings.TrimPrefix(phrase, "at")))
		default:
			list = append(list, rule{reason, regexp.MustCompile(phrase), status, where})
		}
	}
	return list
}

// precise are statuses whose meaning no words take back (RFC 3463, and the
// registry of RFC 5248).
var precise = map[string]Reason{
	"5.1.6": HasMoved, "5.1.10": NotAccept, "5.7.25": RequirePTR,
	"5.7.20": AuthFailure, "5.7.21": AuthFailure, "5.7.22": AuthFailure, "5.7.23": AuthFailure,
	"5.7.24": AuthFailure, "5.7.26": AuthFailure, "5.7.27": NotAccept, "5.7.509": AuthFailure,
	"4.4.7": Expired, "5.4.7": Expired, "5.2.2": MailboxFull, "4.2.2": MailboxFull, "5.3.4": TooBig,
}

// classes are what a status means where the words say nothing, whether the
// trouble is for good or for now (RFC 3463).
var classes = map[string]Reason{
	"x.1.0": UserUnknown, "x.1.1": UserUnknown, "x.1.2": HostUnknown, "x.1.3": UserUnknown, "x.1.4": UserUnknown,
	"x.1.5": UserUnknown, "x.1.6": HasMoved, "x.1.7": Rejected, "x.1.8": Rejected, "x.1.9": Rejected, "x.1.10": NotAccept,
	"x.2.0": Filtered, "x.2.1": Filtered, "x.2.2": MailboxFull, "x.2.3": ExceedLimit, "x.2.4": Filtered,
	"x.3.0": OnHold, "x.3.1": SystemFull, "x.3.2": NotAccept, "x.3.3": SystemError, "x.3.4": TooBig, "x.3.5": SystemError,
	"x.4.0": NetworkError, "x.4.1": Expired, "x.4.2": Expired, "x.4.3": SystemError, "x.4.4": HostUnknown, "x.4.5": TooMany, "x.4.6": NetworkError, "x.4.7": Expired,
	"x.5.0": SyntaxError, "x.5.1": SyntaxError, "x.5.2": SyntaxError, "x.5.3": TooMany, "x.5.4": SyntaxError, "x.5.5": SystemError,
	"x.6.0": ContentError, "x.6.1": ContentError, "x.6.2": ContentError, "x.6.3": ContentError, "x.6.5": ContentError, "x.6.7": ContentError,
	"x.7.0": SecurityError, "x.7.1": SecurityError, "x.7.2": SecurityError, "x.7.3": SecurityError, "x.7.4": SecurityError,
	"x.7.5": SecurityError, "x.7.6": SecurityError, "x.7.7": SecurityError, "x.7.8": SecurityError, "x.7.9": PolicyViolation, "x.7.13": Suspend,
}

// codes are what a bare reply means (RFC 5321, 4.2.3).
var codes = map[string]Reason{
	"421": SystemError, "450": OnHold, "451": SystemError, "452": SystemFull,
	"500": SyntaxError, "501": SyntaxError, "502": SyntaxError, "503": SyntaxError, "504": SyntaxError,
	"521": NotAccept, "523": ExceedLimit, "525": Suspend, "530": SecurityError, "534": SecurityError, "535": SecurityError, "538": SecurityError,
	"550": UserUnknown, "551": UserUnknown, "552": MailboxFull, "553": UserUnknown, "554": OnHold, "556": NotAccept,
}
