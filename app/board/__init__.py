"""The live board's files, which `app.api.http.board` serves. They import nothing from elsewhere."""
