"""All that knows GraphQL and HTTP: it maps requests to the service, and outcomes to answers.

Here stand the application, the schema's types and roots with a module for each mutation, and what
all share: the context, errors and their codes, cursors, the request's id. How an operation comes in
is in `http`, what it passes in `operations`, who asks in `sign_in`, the processes under it all in
`serving`, and what an operator sees of it in `monitoring`.
"""
