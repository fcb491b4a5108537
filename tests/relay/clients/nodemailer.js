// Sends the message in $FILE with Nodemailer.
const fs = require('fs');
const nodemailer = require('nodemailer');

const env = process.env;
const transport = nodemailer.createTransport({
  host: '127.0.0.1',
  port: Number(env.PORT),
  secure: env.TLS === 'implicit',
  requireTLS: env.TLS === 'starttls',
  tls: { ca: fs.readFileSync(env.CA), servername: 'localhost' },
  auth: { user: env.SMTP_USER, pass: env.SMTP_PASSWORD },
  authMethod: env.MECHANISM,
});
transport
  .sendMail({ envelope: { from: env.FROM, to: [env.TO] }, raw: fs.readFileSync(env.FILE) })
  .then(() => transport.close())
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
