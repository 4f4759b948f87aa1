"""What a SIP user agent does: transactions in progress, dialogs, and one file per verb."""
