"""In and out: what people keep in spreadsheets and files, brought in with a preview, and given out in the same form."""
