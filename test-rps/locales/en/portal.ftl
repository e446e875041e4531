# The frame of every page
skip = Skip to main content
other-language = Tiếng Việt
sample = Sample portal – fictitious data
footer = A sample portal for trying the shared electronic login. Not a government site; all people and figures are fictitious.

# The portals; each is named by its cookie
dichvucong-title = National Public Service Portal
dichvucong-service = Submit administrative applications and follow their results.
baohiemxahoi-title = Social Insurance
baohiemxahoi-service = Look up your contribution history and social insurance benefits.
thue-title = Electronic Tax
thue-service = Declare, pay and settle personal income tax.

# The home page before a login
home = Home
ended-elsewhere = You logged out at another service
ended-elsewhere-here = Your session at this portal has therefore ended too.
needs-level = This service needs login assurance level
level-1 = Level 1: one authentication method is enough.
level-2 = Level 2: a checked identity and a login with two factors.
level-3 = High level: a verified identity and a phishing-resistant method.
log-in = Log in
log-in-hint = You will go to the shared login service and then come back here.

# The services of a portal
services = Services of this portal
services-hint = Each service asks only for the level that it needs.
level = level
service-look-up-debt = Look up a debt
service-file-return = File a return
service-refund-account = Change the bank account for refunds

# The home page after a login
account = Your account
welcome = Welcome
logged-in = You are logged in.
below-level = This login is below the level the service needs; some functions are locked. Level needed:
log-in-higher = Log in at a higher level
file-return = File a tax return
file-return-hint = If this login is below the level needed or too long ago, you will go to the shared login service and come back; the filing then goes on by itself.
this-login = This login
viet-nam-time = (Viet Nam time, UTC+7)
about-you = What this portal received about you
technical-details = Technical details
log-out = Log out

# Claims
claim-acr = Assurance level
claim-amr = Authentication methods
claim-auth_time = Time of login
claim-sub = Identifier at this portal
claim-sid = Login session
claim-name = Full name
claim-given_name = Given name
claim-middle_name = Middle name
claim-family_name = Family name
claim-preferred_username = User name
claim-personal_number = Personal identification number
claim-birthdate = Date of birth
claim-gender = Gender
claim-email = Email
claim-email_verified = Email verified
claim-phone_number = Phone number
claim-phone_number_verified = Phone number verified
claim-address = Address
claim-locale = Language
claim-national_id = Personal identification number
claim-updated_at = Updated at
claim-iss = Issuer
claim-aud = Audience
claim-azp = Authorized party
claim-exp = Expires
claim-iat = Issued at

# After a filing
received = received
received-text = The tax authority has received your submission.
receipt = Receipt number:
receipt-hint = Write this number down: reloading the page neither shows it again nor submits a second time.
to-home = Go to the home page

# After a logout
logged-out = Logged out
logged-out-heading = You are logged out
logged-out-confirmed = You are logged out of this portal, and the shared login service has handled your logout.
logged-out-here = You are logged out of this portal.
logged-out-elsewhere-open = You may still have a session at the shared login service. On a shared computer, close the browser.
log-in-again = Log in again

# Problems: a title, an explanation, and what would help, best first
what-you-can-do = What you can do
still-logged-in = You are still logged in at this portal.
try-again = Try again
error-code = Error code:
login-service-says = The login service says:

problem-unmet_authentication_requirements-title = This login does not reach the level that the service needs
problem-unmet_authentication_requirements-text = The method or the account you used is not assured enough for this service, so this portal has not let you in. Nothing was lost and your records are unchanged.
problem-unmet_authentication_requirements-help =
    Follow what the shared login page has just told you, then try again.
    Meanwhile, use the services that need a lower level.
problem-level_too_low-title = { problem-unmet_authentication_requirements-title }
problem-level_too_low-text = { problem-unmet_authentication_requirements-text }
problem-level_too_low-help = { problem-unmet_authentication_requirements-help }
problem-access_denied-title = You cancelled the login
problem-access_denied-text = The login stopped because you cancelled it or did not agree to share information. This portal received no data.
problem-access_denied-help = You can log in again whenever you like.
problem-login_required-title = A login is needed
problem-login_required-text = You have no open session at the login service, so you could not be logged in silently.
problem-login_required-help = Log in again in the usual way.
problem-interaction_required-title = Something is needed from you
problem-interaction_required-text = The login service needs to ask you something, but this time it was not allowed to show a page.
problem-interaction_required-help = Log in again in the usual way.
problem-consent_required-title = Your agreement to share information is needed
problem-consent_required-text = This portal receives information only if you agree, and this time the login service was not allowed to ask.
problem-consent_required-help = Log in again to read the request and agree.
problem-temporarily_unavailable-title = The login service is paused
problem-temporarily_unavailable-text = It is overloaded or under maintenance. This is not your fault.
problem-temporarily_unavailable-help = Try again in a few minutes.
problem-server_error-title = The login service has a fault
problem-server_error-text = The login service could not complete the request. This is not your fault.
problem-server_error-help =
    Try again in a few minutes.
    If it happens again, give the code below to the help desk.
problem-other_error-title = The login did not succeed
problem-other_error-text = The login service refused this portal's request.
problem-other_error-help =
    Try again.
    If it happens again, give the code below to the help desk.
problem-unknown_state-title = This login is no longer valid
problem-unknown_state-text = This page answers a login that is finished, is older than 60 minutes, or began in another browser. It usually happens after reloading a page or going back.
problem-bad_answer-title = { problem-login_refused-title }
problem-bad_answer-text = { problem-login_refused-text }
problem-bad_answer-help = { problem-login_refused-help }
problem-login_refused-title = The login could not be confirmed
problem-login_refused-text = The login service's answer did not pass the security checks, so this portal did not accept it. This attempt did not log you in.
problem-login_refused-help = Log in again from the start.
problem-login_service_unreachable-title = The login service cannot be reached
problem-login_service_unreachable-text = This portal cannot connect to the login service at the moment. This is not your fault and nothing was lost.
problem-login_service_unreachable-help = Try again in a few minutes.
problem-step_up_insufficient-title = The new login is still not enough for filing
problem-step_up_insufficient-text = You have just logged in again as asked, but the receiving service still finds the login below its level or too long ago. Nothing was filed.
problem-step_up_insufficient-help =
    Go to the home page, file again and choose a method of a higher level.
    If it happens again, give the code below to the help desk.
problem-filing_unconfirmed-title = The filing is not confirmed
problem-filing_unconfirmed-text = The receiving service has given no receipt number. This is not your fault.
problem-filing_unconfirmed-help =
    Go to the home page and file again in a few minutes.
    If it happens again, give the code below to the help desk.
problem-stale_form-title = This form is out of date
problem-stale_form-text = The form does not belong to the current session, so nothing was done.
problem-stale_form-help = Go to the home page and try again.
problem-not_found-title = No such page
problem-not_found-text = This portal has no page at that address.
problem-wrong_method-title = This page cannot be opened like that
problem-wrong_method-text = The address only accepts a form.
