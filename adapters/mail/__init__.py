"""Mail out of the house: the mailer, and the inviter that sends a link."""

from adapters.mail.page import MailDoors, MailPage
from adapters.mail.smtp import LinkInviter, Postbox, SmtpMailer, knock

__all__ = ["LinkInviter", "MailDoors", "MailPage", "Postbox", "SmtpMailer", "knock"]
