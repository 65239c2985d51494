"""Systems that remove no neurons beside those that do: accuracy against stored bytes."""
