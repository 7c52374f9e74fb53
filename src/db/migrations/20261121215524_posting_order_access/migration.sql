-- A payment by a subscriber or by staff takes its place behind the account's last transfer.
GRANT UPDATE (posted_at) ON account_balance TO joulebook_api;
