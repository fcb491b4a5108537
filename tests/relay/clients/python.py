"""Sends the message in $FILE with Python's smtplib."""

import os
import smtplib
import ssl

env = os.environ
context = ssl.create_default_context(cafile=env["CA"])
if env["TLS"] == "implicit":
    smtp = smtplib.SMTP_SSL("localhost", int(env["PORT"]), context=context)
else:
    smtp = smtplib.SMTP("localhost", int(env["PORT"]))
    smtp.starttls(context=context)
smtp.ehlo()
smtp.user, smtp.password = env["SMTP_USER"], env["SMTP_PASSWORD"]
smtp.auth(env["MECHANISM"], {"PLAIN": smtp.auth_plain, "LOGIN": smtp.auth_login}[env["MECHANISM"]])
with open(env["FILE"], "rb") as file:
    smtp.sendmail(env["FROM"], [env["TO"]], file.read())
smtp.quit()
