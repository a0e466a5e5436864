process.on('unhandledRejection', (reason) => {
  throw reason;
});
