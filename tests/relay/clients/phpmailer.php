<?php
// Sends the body in $FILE with PHPMailer, which composes the header; prints the body as it was composed.
require getenv('PHPMAILER');
use PHPMailer\PHPMailer\PHPMailer;
use PHPMailer\PHPMailer\SMTP;

$mail = new PHPMailer(true);
$mail->isSMTP();
$mail->Host = '127.0.0.1';
$mail->Port = (int) getenv('PORT');
$mail->SMTPSecure = getenv('TLS') === 'implicit' ? PHPMailer::ENCRYPTION_SMTPS : PHPMailer::ENCRYPTION_STARTTLS;
$mail->SMTPOptions = ['ssl' => ['cafile' => getenv('CA'), 'peer_name' => 'localhost', 'verify_peer' => true]];
$mail->SMTPAuth = true;
$mail->AuthType = getenv('MECHANISM');
$mail->Username = getenv('SMTP_USER');
$mail->Password = getenv('SMTP_PASSWORD');
$mail->CharSet = PHPMailer::CHARSET_UTF8;
$mail->Encoding = PHPMailer::ENCODING_8BIT;
$mail->Hostname = 'client.test';
$mail->setFrom(getenv('FROM'));
$mail->addAddress(getenv('TO'));
$mail->Subject = 'By PHPMailer';
$mail->Body = file_get_contents(getenv('FILE'));
$mail->send();
$whole = str_replace("\r\n", "\n", $mail->getSentMIMEMessage());
echo substr($whole, strpos($whole, "\n\n") + 2);
