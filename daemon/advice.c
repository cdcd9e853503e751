/*
 * Two tables: whose server it is, and what helps. To teach a provider's way of
 * refusing is to add a row.
 */
#include "daemon/advice.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "daemon/log.h"

enum provider {
	ANYBODY,
	GMAIL,
	MICROSOFT,
	YAHOO,
	ICLOUD,
	FASTMAIL,
	ZOHO,
	YANDEX,
	MAIL_RU,
	GMX,
	COREMAIL,
	ON_LOOPBACK /* a server or bridge on this computer */
};

static const struct {
	const char *domain;
	enum provider provider;
} hosts[] = {
    {"gmail.com", GMAIL},
    {"googlemail.com", GMAIL},
    {"office365.com", MICROSOFT},
    {"outlook.com", MICROSOFT},
    {"hotmail.com", MICROSOFT},
    {"yahoo.com", YAHOO},
    {"yahoodns.net", YAHOO},
    {"aol.com", YAHOO},
    {"att.net", YAHOO},
    {"me.com", ICLOUD},
    {"mac.com", ICLOUD},
    {"icloud.com", ICLOUD},
    {"fastmail.com", FASTMAIL},
    {"messagingengine.com", FASTMAIL},
    {"zoho.com", ZOHO},
    {"zoho.eu", ZOHO},
    {"zoho.in", ZOHO},
    {"yandex.ru", YANDEX},
    {"yandex.com", YANDEX},
    {"mail.ru", MAIL_RU},
    {"gmx.net", GMX},
    {"gmx.com", GMX},
    {"web.de", GMX},
    {"163.com", COREMAIL},
    {"126.com", COREMAIL},
    {"188.com", COREMAIL},
    {"yeah.net", COREMAIL},
    {"qq.com", COREMAIL},
};

/* When a row holds. */
enum condition {
	ALWAYS,
	AT_FIRST, /* logging in has never succeeded: a setting may be wrong */
	WITH_TOKEN /* auth has nothing but token mechanisms */
};

#define PINNING                                                               \
	"to see the SHA-256 on the server: openssl x509 -noout -fingerprint " \
	"-sha256 -in FILE"
#define BY_ITSELF "it is tried again by itself"

/* The first row that fits counts: what is more special stands above. */
static const struct {
	enum imap_error_kind kind; /* NONE: any */
	const char *code; /* the server's response code; NULL: any, or none */
	const char *words; /* anywhere in the text; NULL: any */
	enum provider provider;
	enum condition condition;
	const char *advice;
} rows[] = {
    /* ---- the secret ---- */
    {IMAP_ERROR_AUTH, NULL, "password_command failed", ANYBODY, ALWAYS,
	"run it by hand as the user that mailmirror runs as: the first line "
	"that it prints has to be the password or token"},
    {IMAP_ERROR_AUTH, NULL, "password_command was killed", ANYBODY, ALWAYS,
	"run it by hand as the user that mailmirror runs as"},
    {IMAP_ERROR_AUTH, NULL, "password_command took longer", ANYBODY, ALWAYS,
	"it must not ask anybody: unlock the key ring or agent before"},
    {IMAP_ERROR_AUTH, NULL, "the first line is empty", ANYBODY, ALWAYS,
	"the first line has to be the password or token"},
    {IMAP_ERROR_AUTH, NULL, "cannot read", ANYBODY, ALWAYS,
	"the user that mailmirror runs as has to be able to read it"},

    /* ---- words that say more than any code ---- */
    {IMAP_ERROR_NONE, NULL, "Too many simultaneous connections", ANYBODY,
	ALWAYS,
	"lower max_connections: all programs that use the mailbox count"},
    {IMAP_ERROR_NONE, NULL, "Maximum number of connections", ANYBODY, ALWAYS,
	"lower max_connections: all programs that use the mailbox count"},
    {IMAP_ERROR_AUTH, "ALERT", "Web login required", ANYBODY, ALWAYS,
	"log in once with a browser, and allow it there"},
    {IMAP_ERROR_AUTH, NULL, "not enabled for IMAP", ANYBODY, ALWAYS,
	"switch on IMAP in the mailbox's settings on the provider's web site"},
    {IMAP_ERROR_AUTH, NULL, "IMAP is disabled", ANYBODY, ALWAYS,
	"switch on IMAP in the mailbox's settings on the provider's web site"},
    {IMAP_ERROR_AUTH, NULL, "IMAP access is disabled", ANYBODY, ALWAYS,
	"switch on IMAP in the mailbox's settings on the provider's web site"},
    {IMAP_ERROR_AUTH, NULL, "no way to log in", ANYBODY, ALWAYS,
	"name one of these in auth (xoauth2 and oauthbearer take a token from "
	"password_command, external takes tls_client_cert), or set user and a "
	"password"},
    {IMAP_ERROR_AUTH, NULL, "needs a user name", ANYBODY, ALWAYS, "set user"},
    {IMAP_ERROR_AUTH, NULL, "needs a password", ANYBODY, ALWAYS,
	"set password_command, password_file, credential or password"},

    /* ---- codes that mean the same at every provider's ---- */
    {IMAP_ERROR_AUTH, "WEBALERT", NULL, ANYBODY, ALWAYS,
	"open that address in a browser and log in there once"},
    {IMAP_ERROR_AUTH, "AUTHORIZATIONFAILED", NULL, ANYBODY, ALWAYS,
	"the password is right, but user may not use this mailbox: check user, "
	"or ask the server's administrator"},
    {IMAP_ERROR_AUTH, "EXPIRED", NULL, ANYBODY, ALWAYS,
	"the password has expired: change it at the provider, then here"},
    {IMAP_ERROR_NONE, "PRIVACYREQUIRED", NULL, ANYBODY, ALWAYS,
	"the server wants TLS: set tls to \"implicit\" or \"starttls\""},
    {IMAP_ERROR_NONE, "CONTACTADMIN", NULL, ANYBODY, ALWAYS,
	"only the server's administrator can help"},

    /* ---- logins that are refused ---- */
    {IMAP_ERROR_AUTH, NULL, "server says", GMAIL, WITH_TOKEN,
	"the token is too old or not for mail: its scope has to be "
	"https://mail.google.com/, and user the full address"},
    {IMAP_ERROR_AUTH, NULL, "server says", MICROSOFT, WITH_TOKEN,
	"the token is too old or not for mail: its scope has to be "
	"https://outlook.office.com/IMAP.AccessAsUser.All, and IMAP be "
	"switched "
	"on for the mailbox"},
    {IMAP_ERROR_AUTH, NULL, "server says", ANYBODY, WITH_TOKEN,
	"the token is too old, or not for IMAP: password_command has to print "
	"one that is valid now"},
    {IMAP_ERROR_AUTH, NULL, "server says", GMAIL, ALWAYS,
	"Gmail takes no account passwords: create an app password "
	"(myaccount.google.com/apppasswords), or use auth = [ \"xoauth2\" ] "
	"with a password_command that prints a token"},
    {IMAP_ERROR_AUTH, NULL, "server says", MICROSOFT, ALWAYS,
	"Microsoft takes no passwords for IMAP: use auth = [ \"xoauth2\" ] "
	"with "
	"a password_command that prints a token"},
    {IMAP_ERROR_AUTH, NULL, "server says", YAHOO, ALWAYS,
	"Yahoo and AOL take no account passwords: generate an app password in "
	"the account's security settings"},
    {IMAP_ERROR_AUTH, NULL, "server says", ICLOUD, ALWAYS,
	"iCloud takes no account passwords: generate an app-specific one "
	"(account.apple.com); user is the address without @icloud.com"},
    {IMAP_ERROR_AUTH, NULL, "server says", FASTMAIL, ALWAYS,
	"Fastmail takes no account passwords: create an app password for IMAP "
	"(Settings, Privacy & Security); user is the full address"},
    {IMAP_ERROR_AUTH, NULL, "server says", ZOHO, ALWAYS,
	"switch on IMAP in Zoho's settings, and with two factors use an "
	"application-specific password"},
    {IMAP_ERROR_AUTH, NULL, "server says", YANDEX, ALWAYS,
	"allow IMAP in Yandex's settings (All settings, Email clients) and use "
	"an app password"},
    {IMAP_ERROR_AUTH, NULL, "server says", MAIL_RU, ALWAYS,
	"create a password for external applications in the account's security "
	"settings"},
    {IMAP_ERROR_AUTH, NULL, "server says", GMX, ALWAYS,
	"switch on POP3 and IMAP in the mailbox's settings, and with two "
	"factors use an application-specific password"},
    {IMAP_ERROR_AUTH, NULL, "server says", COREMAIL, ALWAYS,
	"switch on IMAP on the provider's web site and use the authorization "
	"code that it gives as the password"},
    {IMAP_ERROR_AUTH, NULL, "server says", ON_LOOPBACK, AT_FIRST,
	"check user and password; a bridge (as Proton Mail Bridge) has a "
	"password of its own, which it shows"},
    {IMAP_ERROR_AUTH, NULL, "server says", ANYBODY, AT_FIRST,
	"check user and the password; some providers want an app password, or "
	"IMAP switched on in the mailbox's settings"},
    {IMAP_ERROR_AUTH, NULL, "SCRAM login", ANYBODY, ALWAYS,
	"check user and the password"},
    {IMAP_ERROR_AUTH, NULL, "server says", ANYBODY, ALWAYS,
	"the password worked before: has it been changed?"},

    /* ---- the server's other words ---- */
    {IMAP_ERROR_NONE, "NOPERM", NULL, ANYBODY, ALWAYS,
	"ask the mailbox's owner for the rights to look it up and read it, or "
	"name it in exclude"},
    {IMAP_ERROR_NONE, "INUSE", NULL, ANYBODY, ALWAYS,
	"another program has it locked; " BY_ITSELF},
    {IMAP_ERROR_NONE, "UNAVAILABLE", NULL, ANYBODY, ALWAYS,
	"something behind the server is down; " BY_ITSELF},
    {IMAP_ERROR_NONE, "LIMIT", NULL, ANYBODY, ALWAYS,
	"lower max_connections or raise poll_interval, if it happens often"},
    {IMAP_ERROR_NONE, "THROTTLED", NULL, ANYBODY, ALWAYS,
	"raise poll_interval, if it happens often"},
    {IMAP_ERROR_NONE, "OVERQUOTA", NULL, ANYBODY, ALWAYS,
	"the server's quota is used up: make room there, or wait until it "
	"counts anew"},
    {IMAP_ERROR_NONE, "NONEXISTENT", NULL, ANYBODY, ALWAYS,
	"it was deleted or renamed, or may not be seen: \"mailmirror folders\" "
	"shows what there is"},
    {IMAP_ERROR_NONE, "SERVERBUG", NULL, ANYBODY, ALWAYS,
	"a fault of the server's: tell its administrator, if it lasts"},
    {IMAP_ERROR_NONE, "CLIENTBUG", NULL, ANYBODY, ALWAYS,
	"the server finds fault with mailmirror: please report it, with what "
	"log_level = \"trace\" shows"},
    {IMAP_ERROR_NONE, "CANNOT", NULL, ANYBODY, ALWAYS,
	"the server can never do this: name the mailbox in exclude"},
    {IMAP_ERROR_NONE, "ALREADYEXISTS", NULL, ANYBODY, ALWAYS,
	"another program made it meanwhile; " BY_ITSELF},
    {IMAP_ERROR_NONE, "EXPUNGEISSUED", NULL, ANYBODY, ALWAYS,
	"another program removed messages meanwhile; " BY_ITSELF},
    {IMAP_ERROR_NONE, "CORRUPTION", NULL, ANYBODY, ALWAYS,
	"the mailbox is damaged on the server: its administrator has to repair "
	"it"},
    {IMAP_ERROR_NONE, "UNKNOWN-CTE", NULL, ANYBODY, ALWAYS,
	"the server cannot read the message: open it with another program, or "
	"delete it there"},
    {IMAP_ERROR_NONE, "REFERRAL", NULL, ANYBODY, ALWAYS,
	"it is on another server, which is not followed: make an account for "
	"that, or name it in exclude"},
    {IMAP_ERROR_NONE, "NOUPDATE", NULL, ANYBODY, ALWAYS,
	"the server tells of no more changes; it is asked every poll_interval"},
    {IMAP_ERROR_NONE, "ALERT", NULL, ANYBODY, ALWAYS,
	"the server means this for you: do as it says"},

    /* ---- certificates ---- */
    {IMAP_ERROR_TLS, NULL, "self-signed", ON_LOOPBACK, ALWAYS,
	"a bridge (as Proton Mail Bridge) makes its own: export it there and "
	"name the file in tls_ca_file"},
    {IMAP_ERROR_TLS, NULL, "self-signed", ANYBODY, ALWAYS, PINNING},
    {IMAP_ERROR_TLS, NULL, "unknown authority", ANYBODY, ALWAYS, PINNING},
    {IMAP_ERROR_TLS, NULL, "not the pinned one", ANYBODY, ALWAYS, PINNING},

    /* ---- no connection ---- */
    {IMAP_ERROR_NETWORK, NULL, "no way to the proxy", ANYBODY, AT_FIRST,
	"check proxy, and whether it runs"},
    {IMAP_ERROR_TIMEOUT, NULL, "no way to the proxy", ANYBODY, AT_FIRST,
	"check proxy, and whether a firewall is in the way"},
    {IMAP_ERROR_PROXY, NULL, "says: 407", ANYBODY, ALWAYS,
	"mailmirror logs in to proxies by socks5h alone: ask for one, or for a "
	"way without a login"},
    {IMAP_ERROR_PROXY, NULL, NULL, ANYBODY, ALWAYS,
	"check user and password in proxy, as in "
	"\"socks5h://user:pass@host:port\""},
    {IMAP_ERROR_NETWORK, NULL, "not allowed by its rules", ANYBODY, ALWAYS,
	"the proxy's administrator has to allow it"},
    {IMAP_ERROR_NETWORK, NULL, "says: 403", ANYBODY, ALWAYS,
	"the proxy's administrator has to allow it"},
    {IMAP_ERROR_PROTOCOL, NULL, "does not speak SOCKS", ANYBODY, ALWAYS,
	"check proxy: its port, and whether it should be \"http://host:port\""},
    {IMAP_ERROR_PROTOCOL, NULL, "does not answer CONNECT", ANYBODY, ALWAYS,
	"check proxy: its port, and whether it should be "
	"\"socks5h://host:port\""},
    {IMAP_ERROR_UNSUPPORTED, NULL, "does not offer STARTTLS", ANYBODY, ALWAYS,
	"try tls = \"implicit\", as a rule on port 993"},
    {IMAP_ERROR_UNSUPPORTED, NULL, "no way to log in", ANYBODY, ALWAYS,
	"set tls to \"starttls\" (as a rule on port 143) or \"implicit\" "
	"(993)"},
    {IMAP_ERROR_NETWORK, NULL, "connection refused", ON_LOOPBACK, AT_FIRST,
	"start the server or bridge on this computer, and check port"},
    {IMAP_ERROR_NETWORK, NULL, "connection refused", ANYBODY, AT_FIRST,
	"nobody listens there: check host and port (as a rule 993 for tls = "
	"\"implicit\", 143 for \"starttls\")"},
    {IMAP_ERROR_TIMEOUT, NULL, "no connection within", ANYBODY, AT_FIRST,
	"check host and port (as a rule 993 for tls = \"implicit\", 143 for "
	"\"starttls\"), and whether a firewall is in the way"},
    {IMAP_ERROR_NETWORK, NULL, "during the TLS handshake", ANYBODY, AT_FIRST,
	"check port and tls (as a rule 993 for \"implicit\", 143 for "
	"\"starttls\")"},
    {IMAP_ERROR_TIMEOUT, NULL, "silent", ANYBODY, AT_FIRST,
	"check port and tls: where the server begins with TLS, \"starttls\" "
	"and \"none\" wait for ever"},
    {IMAP_ERROR_TIMEOUT, NULL, "more slowly than", ANYBODY, ALWAYS,
	"raise timeout, if the line is as slow as that"},
    {IMAP_ERROR_NETWORK, NULL, "name look-up failed", ANYBODY, ALWAYS,
	"no name server answers; " BY_ITSELF},
    {IMAP_ERROR_NETWORK, NULL, "unreachable", ANYBODY, ALWAYS,
	"this computer has no way there; it is tried again when it has one"},

    /* ---- the disk ---- */
    {IMAP_ERROR_LOCAL, NULL, "No space left on device", ANYBODY, ALWAYS,
	"make room there: nothing is lost, and it goes on by itself"},
    {IMAP_ERROR_LOCAL, NULL, "Disk quota exceeded", ANYBODY, ALWAYS,
	"make room there: nothing is lost, and it goes on by itself"},
    {IMAP_ERROR_LOCAL, NULL, "database or disk is full", ANYBODY, ALWAYS,
	"make room in state_dir: nothing is lost, and it goes on by itself"},
    {IMAP_ERROR_LOCAL, NULL, "readonly database", ANYBODY, ALWAYS,
	"state_dir has to be on a file system that can be written to; under "
	"systemd see the unit's ReadWritePaths="},
    {IMAP_ERROR_LOCAL, NULL, "unable to open database file", ANYBODY, ALWAYS,
	"state_dir has to belong to the user that mailmirror runs as"},
    {IMAP_ERROR_LOCAL, NULL, "Read-only file system", ANYBODY, ALWAYS,
	"mount it to be written; or, if the systemd unit protects it, add it "
	"with \"systemctl edit\": [Service] ReadWritePaths=DIRECTORY"},
    {IMAP_ERROR_LOCAL, NULL, "Permission denied", ANYBODY, ALWAYS,
	"give it to the user that mailmirror runs as; under systemd check the "
	"unit's ProtectHome= and ReadWritePaths=; if it is in a place that is "
	"new since the start, restart mailmirror"},
    {IMAP_ERROR_LOCAL, NULL, "Operation not permitted", ANYBODY, ALWAYS,
	"check its attributes (lsattr) and, under systemd, the unit's "
	"ReadWritePaths="},
    {IMAP_ERROR_LOCAL, NULL, "Too many open files", ANYBODY, ALWAYS,
	"raise the limit: LimitNOFILE= of the unit, or ulimit -n"},
    {IMAP_ERROR_LOCAL, NULL, "Too many levels of symbolic links", ANYBODY,
	ALWAYS,
	"a link has its place: below maildir none is followed; move it away"},
    {IMAP_ERROR_LOCAL, NULL, "Not a directory", ANYBODY, ALWAYS,
	"a file has its place: move it away, or set maildir to another place"},
    {IMAP_ERROR_LOCAL, NULL, "File exists", ANYBODY, ALWAYS,
	"a file has its place: move it away, or set maildir to another place"},
    {IMAP_ERROR_LOCAL, NULL, "Input/output error", ANYBODY, ALWAYS,
	"the disk fails: see \"journalctl -k\""},
};

static bool
holds_words(const char *text, const char *words)
{
	return words == NULL || strcasestr(text, words) != NULL;
}

/* "... server says: NO [CODE] ...", as refusals are worded. */
static bool
has_code(const char *text, const char *code)
{
	static const char said[] = "server says: ";
	const char *at;
	size_t len;

	if (code == NULL)
		return true;
	len = strlen(code);
	at = strstr(text, said);
	if (at == NULL)
		return false;
	at += sizeof(said) - 1;
	at += strcspn(at, " ");
	return strncmp(at, " [", 2) == 0 &&
	    strncasecmp(at + 2, code, len) == 0 &&
	    (at[2 + len] == ']' || at[2 + len] == ' ');
}

static enum provider
provider_of(const struct settings_account *settings)
{
	if (settings->host == NULL)
		return ANYBODY;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++)
		if (settings_is_host_in(settings->host, hosts[i].domain))
			return hosts[i].provider;
	return settings_is_near(settings) ? ON_LOOPBACK : ANYBODY;
}

static bool
holds(const struct advice_place *place, enum condition condition)
{
	switch (condition) {
	case ALWAYS:
		return true;
	case AT_FIRST:
		return !place->was_there;
	case WITH_TOKEN:
		return settings_wants_token(place->settings);
	}
	return false;
}

const char *
advice_of(const struct advice_place *place, const struct imap_error *error)
{
	enum provider provider = provider_of(place->settings);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if ((rows[i].kind == IMAP_ERROR_NONE ||
			rows[i].kind == error->kind) &&
		    (rows[i].provider == ANYBODY ||
			rows[i].provider == provider) &&
		    holds_words(error->text, rows[i].words) &&
		    has_code(error->text, rows[i].code) &&
		    holds(place, rows[i].condition))
			return rows[i].advice;
	return NULL;
}

bool
advice_is_news(const struct advice_place *place, const struct imap_error *told,
    const struct imap_error *error)
{
	const enum log_event event = log_event_of(error->kind);
	const char *advice;

	if (told->kind == IMAP_ERROR_NONE || log_event_of(told->kind) != event)
		return true;
	advice = advice_of(place, error);
	if (advice != advice_of(place, told))
		return true;
	/* without a network each try may fail in another way */
	return advice == NULL && event != LOG_EVENT_UNREACHABLE &&
	    strcmp(told->text, error->text) != 0;
}

const char *
advice_text(const struct advice_place *place, const struct imap_error *error,
    char out[ADVICE_TEXT_MAX])
{
	const char *advice = advice_of(place, error);

	(void)snprintf(out, ADVICE_TEXT_MAX, "%s%s%s", error->text,
	    advice == NULL ? "" : "; ", advice == NULL ? "" : advice);
	return out;
}
